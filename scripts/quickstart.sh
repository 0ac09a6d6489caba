#!/usr/bin/env bash
# The main job from nothing: install, train a small network on the embedded data, score it, predict pictures and a video.
#     bash scripts/quickstart.sh            EPOCHS=60 bash scripts/quickstart.sh trains longer and finds more
# Works from any folder; makes .venv/ in the checkout when no virtual environment is active. After the installation
# it takes about five minutes on two cores. Nothing but the packages themselves is downloaded.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

prepare_environment
cd "$root"
export YOLO_AUTOINSTALL=False
runs="$root/runs/quickstart"
best="$runs/train/weights/best.pt"
into=(project="$runs" exist_ok=True)
ayolom="$bin/ayolom"

say "Train: boxes of damage and masks of parts in one network, on cars that are drawn on first use"
"$ayolom" train model=aYOLOM26n.yaml data=cardamage.yaml imgsz=256 epochs="${EPOCHS:-19}" batch=8 nbs=8 \
    warmup_epochs=1 cache=ram "${into[@]}" name=train

say "Score both tasks on the images kept apart"
"$ayolom" val model="$best" data=cardamage.yaml imgsz=256 "${into[@]}" name=val

say "Predict pictures, then a video that walks around a car"
read_data='from ayolom.data.schema import load_schema as load; s = load("cardamage.yaml"); print(s.sources("val")[0]); print(s.video)'
{ read -r pictures; read -r video; } < <("$python" -c "$read_data" | tail -n 2)
"$ayolom" predict model="$best" source="$pictures" imgsz=256 conf=0.1 "${into[@]}" name=pictures
"$ayolom" predict model="$best" source="$video" imgsz=256 conf=0.1 show_speed=True "${into[@]}" name=video

say "Done. To look at:"
printf '   %s\n' "$runs/train/results.png   losses and metrics by epoch" \
    "$runs/pictures            the validation pictures with parts and damage drawn in" \
    "$runs/video               the video, the same" \
    "$best"
say "The data are drawings to learn with. For your own, copy cfg/datasets/cardamage.yaml and read docs/data.md"
