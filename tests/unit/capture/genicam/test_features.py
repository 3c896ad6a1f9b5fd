from __future__ import annotations

from typing import Any

import pytest

from sorter.capture.genicam.features import NodeControls, set_up
from sorter.settings.genicam import GenicamSource


class GenicamError(Exception):
    """Stands for genicam's own."""


class Node:
    """A feature as genicam shows it: strict about types and limits, by exceptions."""

    def __init__(self, value: Any, low: float = 0, high: float = 1e9, entries: tuple[str, ...] = ()) -> None:
        self._value = value
        self.min, self.max = low, high
        self.locked = False
        if entries:
            self.symbolics = entries

    @property
    def value(self) -> Any:
        return self._value

    @value.setter
    def value(self, value: Any) -> None:
        if type(value) is not type(self._value):
            raise TypeError
        entries = getattr(self, "symbolics", None)
        fits = value in entries if entries else isinstance(value, bool) or self.min <= value <= self.max
        if self.locked or not fits:
            raise GenicamError
        self._value = value


class NodeMap:
    """Nodes by name; those behind a selector are kept by its entry."""

    def __init__(self, nodes: dict[str, Node], selected: dict[str, tuple[str, dict[str, Node]]] | None = None) -> None:
        self.nodes = nodes
        self.selected = selected or {}

    def has_node(self, name: str) -> bool:
        return name in self.nodes or name in self.selected

    def get_node(self, name: str) -> Node:
        if name in self.selected:
            selector, entries = self.selected[name]
            return entries[self.nodes[selector].value]
        return self.nodes[name]


def industrial_camera() -> NodeMap:
    balance = {color: Node(1.0, 0.1, 8) for color in ("Red", "Green", "Blue")}
    starts = ("AcquisitionStart", "FrameStart")
    nodes = {
        "AcquisitionMode": Node("SingleFrame", entries=("SingleFrame", "Continuous")),
        "TriggerSelector": Node("AcquisitionStart", entries=starts),
        "PixelFormat": Node("Mono8", entries=("Mono8", "BayerRG8")),
        "Width": Node(1920, 16, 1920),
        "Height": Node(1200, 16, 1200),
        "OffsetX": Node(8, 0, 1904),
        "OffsetY": Node(8, 0, 1184),
        "ExposureAuto": Node("Continuous", entries=("Off", "Once", "Continuous")),
        "ExposureTime": Node(12000.0, 20, 1e6),
        "GainAuto": Node("Off", entries=("Off", "Continuous")),
        "Gain": Node(0.0, 0, 24),
        "BalanceWhiteAuto": Node("Continuous", entries=("Off", "Once", "Continuous")),
        "BalanceRatioSelector": Node("Red", entries=("Red", "Green", "Blue")),
        "GammaEnable": Node(value=True),
        "Gamma": Node(0.4, 0.1, 4),
        "AcquisitionFrameRateEnable": Node(value=False),
        "AcquisitionFrameRate": Node(30.0, 1, 160),
    }
    trigger = {
        "TriggerMode": {start: Node("Off", entries=("Off", "On")) for start in starts},
        "TriggerSource": {start: Node("Software", entries=("Software", "Line0", "Line1")) for start in starts},
        "TriggerActivation": {start: Node("RisingEdge", entries=("RisingEdge", "FallingEdge")) for start in starts},
        "TriggerDelay": {start: Node(0.0, 0, 1e6) for start in starts},
    }
    selected = {name: ("TriggerSelector", entries) for name, entries in trigger.items()}
    return NodeMap(nodes, {**selected, "BalanceRatio": ("BalanceRatioSelector", balance)})


def told(camera: NodeMap, **settings: Any) -> list[str]:
    controls = NodeControls(camera, (GenicamError,))
    return set_up(controls, GenicamSource.model_validate({"kind": "genicam", **settings}))


FIXED = {"exposure_us": 2000, "gain_db": 6, "balance_red": 1.5, "balance_blue": 2.5}


def values(camera: NodeMap, *names: str) -> list[Any]:
    return [camera.get_node(name).value for name in names]


def test_everything_that_is_asked_for_is_set() -> None:
    camera = industrial_camera()
    size = {"width_px": 960, "height_px": 540, "offset_x_px": 480, "offset_y_px": 330}
    assert told(camera, **FIXED, **size, pixel_format="BayerRG8", frame_rate_hz=100) == []
    assert values(camera, "Width", "Height", "OffsetX", "OffsetY") == [960, 540, 480, 330]
    assert values(camera, "ExposureTime", "Gain", "PixelFormat") == [2000.0, 6.0, "BayerRG8"]
    assert values(camera, "AcquisitionFrameRateEnable", "AcquisitionFrameRate") == [True, 100.0]
    assert values(camera, "AcquisitionMode") == ["Continuous"]
    balance = camera.selected["BalanceRatio"][1]
    assert {color: node.value for color, node in balance.items()} == {"Red": 1.5, "Green": 1.0, "Blue": 2.5}


def test_nothing_stays_automatic_and_what_that_leaves_to_chance_is_told() -> None:
    camera = industrial_camera()
    assert told(camera) == [
        "exposure was automatic and now stays as it happened to be (it is 12000 now): set exposure_us",
        "white balance was automatic and now stays as it happened to be (it is 1 now): set balance_red and "
        "balance_blue",
    ]
    assert values(camera, "ExposureAuto", "GainAuto", "BalanceWhiteAuto") == ["Off"] * 3
    assert told(industrial_camera(), **FIXED) == []


def test_a_gamma_that_a_preset_left_is_taken_away() -> None:
    camera = industrial_camera()
    assert told(camera, **FIXED) == []
    assert values(camera, "GammaEnable") == [False]
    camera = industrial_camera()
    del camera.nodes["GammaEnable"]
    assert told(camera, **FIXED) == []
    assert values(camera, "Gamma") == [1.0]
    camera.nodes["Gamma"] = Node(0.4)
    camera.nodes["Gamma"].locked = True
    assert [one.split(":")[0] for one in told(camera, **FIXED)] == ["gamma is 0.4, not 1 as set"]
    del camera.nodes["Gamma"]
    assert told(camera, **FIXED) == []
    assert [one.split(",")[0] for one in told(camera, **FIXED, gamma=0.45)] == ["gamma cannot be set"]


def test_a_gamma_that_is_wanted_is_switched_on() -> None:
    camera = industrial_camera()
    assert told(camera, **FIXED, gamma=0.45) == []
    assert values(camera, "GammaEnable", "Gamma") == [True, 0.45]


def test_a_hardware_trigger_is_set_up_for_the_start_of_a_frame_alone() -> None:
    camera = industrial_camera()
    trigger = {"line": "Line1", "activation": "falling", "delay_us": 50}
    assert told(camera, **FIXED, hardware_trigger=trigger) == []
    names = ("TriggerMode", "TriggerSource", "TriggerActivation", "TriggerDelay")
    frame, acquisition = (
        [camera.selected[name][1][start].value for name in names] for start in ("FrameStart", "AcquisitionStart")
    )
    assert frame == ["On", "Line1", "FallingEdge", 50.0]
    assert acquisition == ["Off", "Software", "RisingEdge", 0.0]
    assert told(camera, **FIXED) == []
    assert values(camera, "TriggerMode") == ["Off"]


def test_what_a_camera_refuses_is_told_with_what_it_takes() -> None:
    camera = industrial_camera()
    del camera.nodes["Gain"]
    camera.nodes["ExposureAuto"].locked = True
    assert told(camera, **{**FIXED, "exposure_us": 10}, width_px=4000, pixel_format="RGB8") == [
        "pixel_format is Mono8, not RGB8 as set: choose what the camera takes (Mono8, BayerRG8)",
        "width_px is 1920, not 4000 as set: choose what the camera takes (16 to 1920)",
        "its automatic exposure cannot be switched off: do it with the program of the camera's maker",
        "exposure_us is 12000, not 10 as set: choose what the camera takes (20 to 1e+06)",
        "gain_db cannot be set, the camera has no such control: remove it from its source settings",
    ]


def test_a_camera_of_before_sfnc_2_is_set_by_its_own_names() -> None:
    camera = industrial_camera()
    camera.nodes["ExposureTimeAbs"] = camera.nodes.pop("ExposureTime")
    assert told(camera, **FIXED) == []
    assert values(camera, "ExposureTimeAbs") == [2000.0]


@pytest.mark.parametrize("selector", ["BalanceRatioSelector", "TriggerSelector"])
def test_a_selector_without_the_entry_is_not_taken_for_another(selector: str) -> None:
    camera = industrial_camera()
    camera.nodes[selector] = Node("Other", entries=("Other",))
    for _, entries in camera.selected.values():
        entries["Other"] = Node(5.0)
    trigger = {"hardware_trigger": {}} if selector == "TriggerSelector" else {}
    sentences = told(camera, **FIXED, **trigger)
    assert sentences
    assert all("the camera has no such control" in one for one in sentences)
