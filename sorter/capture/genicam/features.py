"""The features of a GenICam camera, by their names in the Standard Feature Naming Convention ("SFNC")."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from sorter.capture.controls import Automatic, Controls, Value, Wish, fulfil, running_by_themselves
from sorter.settings.genicam import GenicamSource, HardwareTrigger

# Cameras from before SFNC 2.0 have these under other names.
_OLDER_NAMES = {
    "AcquisitionFrameRate": "AcquisitionFrameRateAbs",
    "AcquisitionFrameRateEnable": "AcquisitionFrameRateEnabled",
    "BalanceRatio": "BalanceRatioAbs",
    "ExposureTime": "ExposureTimeAbs",
    "TriggerDelay": "TriggerDelayAbs",
}


class Feature(NamedTuple):
    """One feature; of those that stand behind a selector, one of its entries."""

    name: str
    selector: str = ""
    entry: str = ""


def _frame_start(name: str) -> Feature:
    return Feature(name, "TriggerSelector", "FrameStart")


WIDTH = Feature("Width")
PIXEL_FORMAT = Feature("PixelFormat")
_GAMMA_SWITCH = Feature("GammaEnable")
_RED, _BLUE = (Feature("BalanceRatio", "BalanceRatioSelector", color) for color in ("Red", "Blue"))
_AUTOMATICS = (
    Automatic("exposure", Feature("ExposureAuto"), "Off", "exposure_us", Feature("ExposureTime")),
    Automatic("gain", Feature("GainAuto"), "Off", "gain_db", Feature("Gain")),
    Automatic("white balance", Feature("BalanceWhiteAuto"), "Off", "balance_red and balance_blue", _RED),
)


class NodeControls:
    """`controls.Controls` of a camera's node map.

    Args:
        node_map: genicam.genapi's.
        errors: the exceptions that it raises.
    """

    def __init__(self, node_map: Any, errors: tuple[type[Exception], ...]) -> None:
        self._nodes = node_map
        # The last two: for a node that has no value, as a command, and for a value of a wrong kind.
        self._errors: tuple[type[Exception], ...] = (*errors, AttributeError, TypeError)

    def get(self, control: Feature) -> Value | None:
        """The value in force; None where the camera has no such feature, or has no use for it now."""
        node = self._node(control)
        try:
            value: Value | None = None if node is None else node.value
        except self._errors:
            return None
        return value

    def set(self, control: Feature, value: Value) -> None:
        """Ask for a value; refusals show when it is read back."""
        node, present = self._node(control), self.get(control)
        if node is None or present is None:
            return
        try:
            node.value = _like(present, value)
        except self._errors:
            return

    def takes(self, control: Feature) -> str:
        """Its limits, or its entries."""
        node = self._node(control)
        try:
            entries = getattr(node, "symbolics", None)
            limits = f"{node.min:g} to {node.max:g}" if entries is None else ", ".join(map(str, entries))
        except self._errors:
            return "see its manual"
        return limits

    def _node(self, feature: Feature) -> Any:
        names = (feature.name, _OLDER_NAMES.get(feature.name, ""))
        name = next((one for one in names if one and self._nodes.has_node(one)), None)
        if name is None:
            return None
        if feature.selector and self._nodes.has_node(feature.selector):
            try:
                self._nodes.get_node(feature.selector).value = feature.entry
            except self._errors:  # no such entry: what is selected would be another one
                return None
        return self._nodes.get_node(name)


def set_up(controls: Controls[Feature], settings: GenicamSource) -> list[str]:
    """Ask of a camera what the settings say; what they leave out stays as the camera has it, but nothing automatic.

    Returns:
        One sentence for each thing that is not as it was asked for, or that only happens to be as it is.
    """
    free = [one for one in _AUTOMATICS if not _is_given(settings, one.setting)]
    frozen = [
        f"{what} was automatic and now stays as it happened to be{now}: set {setting}"
        for what, setting, now in running_by_themselves(controls, free)
    ]
    if settings.width_px is not None or settings.height_px is not None:
        # A picture moved to the right on the sensor leaves no room for a wider one.
        controls.set(Feature("OffsetX"), 0)
        controls.set(Feature("OffsetY"), 0)
    return fulfil(controls, list(_wishes(controls, settings))) + frozen


def _is_given(settings: GenicamSource, keys: str) -> bool:
    return all(getattr(settings, key) is not None for key in keys.split(" and "))


def _wishes(controls: Controls[Feature], settings: GenicamSource) -> Iterator[Wish[Feature]]:
    """In the order in which they must be set: a format or a mode makes room for what follows it."""
    yield Wish("acquisition mode", Feature("AcquisitionMode"), "Continuous", may_be_absent=True)
    yield from _trigger_wishes(settings.hardware_trigger)
    yield from _given(settings, "pixel_format", PIXEL_FORMAT)
    yield from _given(settings, "width_px", WIDTH)
    yield from _given(settings, "height_px", Feature("Height"))
    yield from _given(settings, "offset_x_px", Feature("OffsetX"))
    yield from _given(settings, "offset_y_px", Feature("OffsetY"))
    yield from (one.off_wish for one in _AUTOMATICS)
    yield from _given(settings, "exposure_us", Feature("ExposureTime"), tolerance=0.02)
    yield from _given(settings, "gain_db", Feature("Gain"), tolerance=0.02)
    yield from _given(settings, "balance_red", _RED, tolerance=0.02)
    yield from _given(settings, "balance_blue", _BLUE, tolerance=0.02)
    yield from _gamma_wishes(controls, settings)
    if settings.frame_rate_hz is not None:
        yield Wish("frame_rate_hz", Feature("AcquisitionFrameRateEnable"), value=True, may_be_absent=True)
        yield from _given(settings, "frame_rate_hz", Feature("AcquisitionFrameRate"), tolerance=0.02)


def _given(settings: GenicamSource, setting: str, feature: Feature, tolerance: float = 0.0) -> Iterator[Wish[Feature]]:
    value = getattr(settings, setting)
    if value is not None:
        plain = str(value) if isinstance(value, str) else value
        yield Wish(setting, feature, plain, tolerance=tolerance)


def _trigger_wishes(trigger: HardwareTrigger | None) -> Iterator[Wish[Feature]]:
    """A camera keeps its trigger mode: one that is to run freely must be told so, or it would wait for ever."""
    if trigger is None:
        yield Wish("hardware_trigger", _frame_start("TriggerMode"), "Off", may_be_absent=True)
        return
    edge = f"{trigger.activation.value.capitalize()}Edge"
    yield Wish("hardware_trigger.line", _frame_start("TriggerSource"), trigger.line)
    yield Wish("hardware_trigger.activation", _frame_start("TriggerActivation"), edge)
    if trigger.delay_us:
        yield Wish("hardware_trigger.delay_us", _frame_start("TriggerDelay"), trigger.delay_us, tolerance=0.02)
    yield Wish("hardware_trigger", _frame_start("TriggerMode"), "On")


def _gamma_wishes(controls: Controls[Feature], settings: GenicamSource) -> Iterator[Wish[Feature]]:
    """1 is no gamma at all: off where there is a switch, and nothing to ask for where the camera has none."""
    has_switch, is_one = controls.get(_GAMMA_SWITCH) is not None, settings.gamma == 1
    if has_switch:
        yield Wish("gamma", _GAMMA_SWITCH, value=not is_one)
    if not is_one:
        yield Wish("gamma", Feature("GammaSelector"), "User", may_be_absent=True)
    if not (has_switch and is_one):
        yield Wish("gamma", Feature("Gamma"), settings.gamma, tolerance=0.02, may_be_absent=is_one)


def _like(present: Value, value: Value) -> Value:
    """The value in the type that the node has: genicam takes no float for a whole number."""
    if isinstance(present, bool | str) or isinstance(value, bool | str):
        return value
    return round(value) if isinstance(present, int) else float(value)
