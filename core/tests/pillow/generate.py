"""Makes the pictures of `pictures/` and, with Pillow, what the core must make of them.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python generate.py

Each picture is drawn here from a fixed seed, so nothing is anybody's property. `cases.json` lists the
pictures with their sizes and, for some, resized versions; `expected.bin` has the pixels of all of them,
8-bit RGB row by row, one after the other: first the picture as `exif_transpose` and `convert("RGB")`
give it, then its resized versions.
"""

from __future__ import annotations

import io
import json
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageOps

HERE = Path(__file__).resolve().parent
PICTURES = HERE / "pictures"
RANDOM = np.random.default_rng(20260101)
FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


def noise(width: int, height: int) -> Image.Image:
    return Image.fromarray(RANDOM.integers(0, 256, (height, width, 3), dtype=np.uint8))


def smooth(width: int, height: int) -> Image.Image:
    """Like a photo out of focus: broad blobs of colour with a little grain."""
    rough = RANDOM.integers(0, 256, (max(2, height // 8), max(2, width // 8), 3), dtype=np.uint8)
    large = np.asarray(Image.fromarray(rough).resize((width, height), Image.Resampling.BICUBIC))
    grain = RANDOM.normal(0, 4, large.shape)
    return Image.fromarray(np.clip(large + grain, 0, 255).astype(np.uint8))


def edges(width: int, height: int) -> Image.Image:
    """Saturated shapes with hard edges, the hardest thing for subsampled colour."""
    picture = Image.new("RGB", (width, height), (255, 255, 255))
    draw = ImageDraw.Draw(picture)
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (0, 0, 0), (255, 255, 0), (255, 0, 255), (0, 255, 255)]
    for index in range(14):
        x, y = (int(RANDOM.integers(0, extent)) for extent in (width, height))
        w, h = (int(RANDOM.integers(1, max(2, extent // 2))) for extent in (width, height))
        shape = draw.rectangle if index % 2 else draw.ellipse
        shape((x, y, x + w, y + h), fill=colours[index % len(colours)])
    return picture


def gradient(width: int, height: int) -> Image.Image:
    x = np.linspace(0, 255, width)[None, :].repeat(height, 0)
    y = np.linspace(0, 255, height)[:, None].repeat(width, 1)
    return Image.fromarray(np.stack([x, y, 255 - (x + y) / 2], -1).astype(np.uint8))


def encode(picture: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def orientation(value: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width: int, height: int, depth: int, colour: int, samples: np.ndarray, extra: bytes = b"", interlaced: bool = False) -> bytes:
    """A PNG of any kind from `[height, width, channels]`: Pillow itself writes only some."""

    def rows(part: np.ndarray) -> bytes:
        out = b""
        for row in part:
            if depth == 16:
                out += b"\0" + row.astype(">u2").tobytes()
            elif depth == 8:
                out += b"\0" + row.astype(np.uint8).tobytes()
            else:
                bits = "".join(f"{value:0{depth}b}" for value in row.ravel())
                bits += "0" * (-len(bits) % 8)
                out += b"\0" + bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))
        return out

    if interlaced:
        passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
        parts = [samples[y::dy, x::dx] for x, y, dx, dy in passes]
        data = b"".join(rows(part) for part in parts if part.size)
    else:
        data = rows(samples)
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, int(interlaced))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(data, 9)) + chunk(b"IEND", b"")


def samples(width: int, height: int, channels: int, depth: int) -> np.ndarray:
    picture = RANDOM.integers(0, 1 << depth, (-(-height // 4), -(-width // 4), channels))
    return np.kron(picture, np.ones((4, 4, 1), dtype=int))[:height, :width]


def jpegs() -> dict[str, bytes]:
    out = {}
    for name, subsampling in [("444", 0), ("422", 1), ("420", 2)]:
        for draw, (width, height) in [(smooth, (61, 43)), (edges, (48, 37)), (noise, (33, 17))]:
            for quality, progressive in [(92, False), (60, True)]:
                form = "progressive" if progressive else "baseline"
                title = f"{draw.__name__}-{name}-{form}-{quality}.jpg"
                out[title] = encode(draw(width, height), "JPEG", quality=quality, subsampling=subsampling, progressive=progressive)
    out["quality-100.jpg"] = encode(smooth(40, 30), "JPEG", quality=100, subsampling=0)
    out["quality-10.jpg"] = encode(smooth(64, 48), "JPEG", quality=10)
    out["quality-1.jpg"] = encode(edges(40, 40), "JPEG", quality=1)
    out["restarts.jpg"] = encode(smooth(70, 40), "JPEG", quality=80, restart_marker_blocks=2)
    out["gray.jpg"] = encode(smooth(45, 31).convert("L"), "JPEG", quality=85)
    out["gray-progressive.jpg"] = encode(edges(29, 50).convert("L"), "JPEG", quality=85, progressive=True)
    out["rgb.jpg"] = encode(edges(35, 26), "JPEG", quality=90, keep_rgb=True)
    cmyk = encode(smooth(41, 29).convert("CMYK"), "JPEG", quality=92)
    out["cmyk.jpg"] = cmyk
    out["cmyk-edges.jpg"] = encode(edges(32, 32).convert("CMYK"), "JPEG", quality=75, progressive=True)
    adobe = cmyk.index(b"Adobe") + 11
    out["ycck.jpg"] = cmyk[:adobe] + b"\2" + cmyk[adobe + 1 :]
    for size in [(1, 1), (2, 2), (3, 5), (8, 8), (9, 1), (1, 40), (16, 16), (17, 33)]:
        out[f"size-{size[0]}x{size[1]}.jpg"] = encode(smooth(*size), "JPEG", quality=90)
    for value in range(1, 9):
        out[f"orientation-{value}.jpg"] = encode(edges(24, 15), "JPEG", quality=88, exif=orientation(value))
    return out


def pngs() -> dict[str, bytes]:
    alpha = edges(30, 22).convert("RGBA")
    alpha.putalpha(gradient(30, 22).convert("L"))
    palette = edges(31, 20).quantize(16)
    clear = edges(28, 21).quantize(8)
    out = {
        "rgb.png": encode(smooth(37, 23), "PNG"),
        "rgba.png": encode(alpha, "PNG"),
        "gray.png": encode(smooth(30, 20).convert("L"), "PNG"),
        "gray-alpha.png": encode(alpha.convert("LA"), "PNG"),
        "bilevel.png": encode(edges(33, 19).convert("1"), "PNG"),
        "palette-4.png": encode(palette, "PNG"),
        "palette-8.png": encode(smooth(40, 24).quantize(200), "PNG"),
        "palette-clear.png": encode(clear, "PNG", transparency=bytes([255, 0, 128, 255, 255, 255, 255, 255])),
        "orientation-6.png": encode(edges(23, 14), "PNG", exif=orientation(6)),
        "gray-16.png": png(26, 18, 16, 0, samples(26, 18, 1, 16)),
        "gray-alpha-16.png": png(26, 18, 16, 4, samples(26, 18, 2, 16)),
        "rgb-16.png": png(26, 18, 16, 2, samples(26, 18, 3, 16)),
        "rgba-16.png": png(26, 18, 16, 6, samples(26, 18, 4, 16)),
        "gray-2.png": png(27, 13, 2, 0, samples(27, 13, 1, 2)),
        "gray-4.png": png(27, 13, 4, 0, samples(27, 13, 1, 4)),
        "interlaced.png": png(29, 21, 8, 2, samples(29, 21, 3, 8), interlaced=True),
        "interlaced-gray-16.png": png(21, 13, 16, 0, samples(21, 13, 1, 16), interlaced=True),
        "rgb-clear-colour.png": png(20, 12, 8, 2, samples(20, 12, 3, 8), chunk(b"tRNS", b"\0\1\0\2\0\3")),
        "size-1x1.png": encode(noise(1, 1), "PNG"),
    }
    return out


def others() -> dict[str, bytes]:
    alpha = smooth(34, 26).convert("RGBA")
    alpha.putalpha(gradient(34, 26).convert("L"))
    frames = [edges(26, 18).quantize(16), edges(26, 18).quantize(16)]
    out = {
        "lossy.webp": encode(smooth(45, 33), "WEBP", quality=80),
        "lossy-edges.webp": encode(edges(38, 27), "WEBP", quality=60),
        "lossless.webp": encode(edges(37, 29), "WEBP", lossless=True),
        "lossy-alpha.webp": encode(alpha, "WEBP", quality=75),
        "lossless-alpha.webp": encode(alpha, "WEBP", lossless=True, exact=True),
        "animated.webp": encode(smooth(24, 16), "WEBP", save_all=True, append_images=[edges(24, 16)], lossless=True),
        "still.gif": encode(edges(33, 24).quantize(32), "GIF"),
        "interlaced.gif": encode(smooth(30, 27).quantize(64), "GIF", interlace=1),
        "animated.gif": encode(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        "clear.gif": encode(edges(20, 20).quantize(8), "GIF", transparency=0),
        "rgb.bmp": encode(edges(21, 17), "BMP"),
        "rgba.bmp": encode(alpha.crop((0, 0, 17, 11)), "BMP"),
        "gray.bmp": encode(smooth(22, 15).convert("L"), "BMP"),
        "palette.bmp": encode(edges(23, 16).quantize(16), "BMP"),
        "bilevel.bmp": encode(edges(25, 14).convert("1"), "BMP"),
    }
    return out


def resized(name: str, index: int) -> list[tuple[str, int, int]]:
    """Which resized versions a picture gets: every filter, up and down, even and odd."""
    sizes = [(24, 24), (13, 29), (7, 5), (50, 31), (1, 1), (32, 20)]
    if index % 3 == 0 or name.startswith("size-"):
        title = list(FILTERS)[(index // 3) % 4]
        return [(title, *sizes[(index // 3) % len(sizes)])]
    return []


def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    for old in PICTURES.iterdir():
        old.unlink()
    cases, pixels = [], b""
    for index, (name, content) in enumerate((jpegs() | pngs() | others()).items()):
        (PICTURES / name).write_bytes(content)
        picture = ImageOps.exif_transpose(Image.open(io.BytesIO(content))).convert("RGB")
        pixels += picture.tobytes()
        case = {"picture": name, "width": picture.width, "height": picture.height, "resized": []}
        for title, width, height in resized(name, index):
            pixels += picture.resize((width, height), FILTERS[title]).tobytes()
            case["resized"].append({"filter": title, "width": width, "height": height})
        cases.append(case)
    lines = ",\n".join(json.dumps(case) for case in cases)
    (HERE / "cases.json").write_text(f"[\n{lines}\n]\n")
    (HERE / "expected.bin").write_bytes(pixels)
    total = sum(path.stat().st_size for path in HERE.rglob("*") if path.is_file())
    print(f"{len(cases)} pictures, {total} bytes")


if __name__ == "__main__":
    main()
