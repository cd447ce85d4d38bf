"""What a person would call a device, as far as it says so itself (User-Agent)."""

import re

BROWSERS = (
    (r"Edg(e|A|iOS)?/", "Edge"),
    (r"OPR/", "Opera"),
    (r"SamsungBrowser/", "Samsung Internet"),
    (r"Firefox/|FxiOS/", "Firefox"),
    (r"Chrome/|CriOS/", "Chrome"),
    (r"Safari/", "Safari"),
)
"""Each before those that it also calls itself."""

SYSTEMS = (
    (r"iPhone", "iPhone"),
    (r"iPad", "iPad"),
    (r"Android", "Android"),
    (r"Windows", "Windows"),
    (r"Macintosh", "Mac"),
    (r"CrOS", "ChromeOS"),
    (r"Linux", "Linux"),
)


def name_of(device: str | None) -> str:
    if not device:
        return "Unknown device"
    browser, system = _first(BROWSERS, device), _first(SYSTEMS, device)
    return f"{browser} on {system}" if browser and system else device


def _first(names: tuple[tuple[str, str], ...], device: str) -> str | None:
    return next((name for pattern, name in names if re.search(pattern, device)), None)
