"""Runs an exported model with onnxruntime, numpy and OpenCV alone, and draws what it finds.

    yolo export model=best.pt format=onnx nms=False
    python onnx_runtime.py best.onnx car.jpg car-answered.jpg

The file says itself which tasks it has: its metadata hold a JSON text under "ayolom". Each output bears the name of its
task. What it holds is told by "content": final boxes, boxes that still overlap, or a class for every pixel.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import onnxruntime

CONF, IOU = 0.25, 0.7
GREY = 114  # of the border, as in training


def prepared(image: np.ndarray, height: int, width: int) -> tuple[np.ndarray, float, int, int]:
    """Return the network's input (1, 3, height, width) RGB in [0, 1], the scale, and the border at the left and top."""
    scale = min(height / image.shape[0], width / image.shape[1])
    rows, columns = round(image.shape[0] * scale), round(image.shape[1] * scale)
    if (rows, columns) != image.shape[:2]:
        image = cv2.resize(image, (columns, rows), interpolation=cv2.INTER_LINEAR)
    top, left = round((height - rows) / 2 - 0.1), round((width - columns) / 2 - 0.1)
    border = (top, height - rows - top, left, width - columns - left)
    image = cv2.copyMakeBorder(image, *border, cv2.BORDER_CONSTANT, value=(GREY, GREY, GREY))
    return np.ascontiguousarray(image[None, ..., ::-1].transpose(0, 3, 1, 2), np.float32) / 255, scale, left, top


def final_boxes(output: np.ndarray, task: dict) -> np.ndarray:
    """Return (N, 6): x1 y1 x2 y2 score class, in pixels of the input, of an output (1, ...) with boxes."""
    if task["content"].startswith("x1 y1"):
        return output[0][output[0, :, 4] > CONF]
    values = output[0].T
    classes, scores = values[:, 4:].argmax(1), values[:, 4:].max(1)
    values, classes, scores = (array[scores > CONF] for array in (values, classes, scores))
    corners = values[:, :2] - values[:, 2:4] / 2
    boxes = np.concatenate((corners, values[:, 2:4]), 1)
    keep = cv2.dnn.NMSBoxesBatched(boxes.tolist(), scores.tolist(), classes.tolist(), CONF, IOU) if len(boxes) else []
    keep = np.asarray(keep, int).reshape(-1)
    return np.column_stack((corners, corners + values[:, 2:4], scores, classes))[keep]


def color(number: int) -> tuple[int, int, int]:
    """Return a BGR colour for a class id."""
    hue = np.uint8([[[number * 47 % 180, 200, 255]]])
    return tuple(int(value) for value in cv2.cvtColor(hue, cv2.COLOR_HSV2BGR)[0, 0])


def draw_mask(image: np.ndarray, classes: np.ndarray, names: dict[str, str]) -> None:
    """Tint the regions of a class map (H, W), background left out."""
    for number in np.unique(classes).tolist():
        if names.get(str(number), "foreground" if len(names) == 1 and number else "background") != "background":
            region = classes == number
            image[region] = (0.5 * image[region] + 0.5 * np.array(color(number))).astype(np.uint8)


def draw_boxes(image: np.ndarray, boxes: np.ndarray, names: dict[str, str]) -> None:
    """Draw boxes (N, 6) with their names and scores."""
    for x1, y1, x2, y2, score, number in boxes.tolist():
        cv2.rectangle(image, (round(x1), round(y1)), (round(x2), round(y2)), color(int(number)), 2)
        text = f"{names[str(int(number))]} {score:.2f}"
        cv2.putText(
            image, text, (round(x1), max(round(y1) - 4, 12)), cv2.FONT_HERSHEY_SIMPLEX, 0.5, color(int(number)), 1
        )


def main(model: str, source: str, target: str) -> None:
    """Answer one picture."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    about = json.loads(session.get_modelmeta().custom_metadata_map["ayolom"])
    picture = cv2.imdecode(np.frombuffer(Path(source).read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    tensor, scale, left, top = prepared(picture, *about["imgsz"])
    names = [output.name for output in session.get_outputs()]
    outputs = dict(zip(names, session.run(names, {session.get_inputs()[0].name: tensor}), strict=True))
    height, width = picture.shape[:2]
    for task in sorted(about["tasks"], key=lambda task: task["content"] != "class of each pixel"):
        output = outputs[task["name"]]
        if task["content"] == "class of each pixel":
            inside = output[0, top : top + round(height * scale), left : left + round(width * scale)]
            classes = cv2.resize(inside, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
            draw_mask(picture, classes, task["names"])
            found = [task["names"].get(str(number), number) for number in np.unique(classes).tolist()]
        else:
            boxes = final_boxes(output, task)
            boxes[:, :4] = ((boxes[:, :4] - [left, top, left, top]) / scale).clip(0, [width, height, width, height])
            draw_boxes(picture, boxes, task["names"])
            found = [f"{task['names'][str(int(row[5]))]} {row[4]:.2f}" for row in boxes]
        print(f"{task['name']}: {', '.join(map(str, found)) or 'nothing'}")  # noqa: T201
    cv2.imencode(Path(target).suffix, picture)[1].tofile(target)


if __name__ == "__main__":
    main(*sys.argv[1:4])
