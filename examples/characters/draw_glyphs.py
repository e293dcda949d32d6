"""Which drawings does `examples/characters/glyphs.npz` hold? Characters of many scripts from the fonts of Debian's package
fonts-noto-core (SIL Open Font License 1.1), twenty drawings of each: turned, sheared, stretched, shifted, warped, thin and bold.

    apt-get download fonts-noto-core && dpkg -x fonts-noto-core*.deb fonts
    python3 -m venv venv && venv/bin/pip install numpy==2.2.6 pillow==12.3.0 fonttools==4.66.1
    venv/bin/python examples/characters/draw_glyphs.py fonts/usr/share/fonts/truetype/noto examples/characters/glyphs.npz
"""
import pathlib
import sys
import unicodedata

import numpy
from fontTools import unicodedata as scripts
from fontTools.ttLib import TTFont
from PIL import Image, ImageDraw, ImageFilter, ImageFont

SIZE = 28  # pixels of a drawing
FINE = 4 * SIZE  # it is drawn so large first
EACH = 20  # drawings of a character
FEWEST, MOST = 20, 28  # characters of a script
SCRIPTS = 46
SEED = 20
LEFT_OUT = {"Zyyy", "Zinh", "Egyp", "Xsux", "Hluw", "Nshu", "Tang", "Sgnw", "Dupl"}


def letters(path):
    """The letters of a font's own script, by code point."""
    font = TTFont(path, lazy=True)
    found = [c for c in sorted(font.getBestCmap()) if unicodedata.category(chr(c)) in ("Lo", "Lu", "Ll")]
    of = [scripts.script(chr(c)) for c in found]
    own = max(set(of), key=of.count) if of else None
    return own, [c for c, script in zip(found, of) if script == own and not scripts.block(chr(c)).endswith("Forms-A")]


def draw(font, character):
    """A character in the middle of a fine square, 0 .. 1; None where it is empty."""
    left, top, right, bottom = font.getbbox(chr(character))
    width, height = right - left, bottom - top
    if width <= 0 or height <= 0:
        return None
    picture = Image.new("L", (FINE, FINE), 0)
    pen = ImageDraw.Draw(picture)
    pen.text(((FINE - width) / 2 - left, (FINE - height) / 2 - top), chr(character), fill=255, font=font)
    return picture


def fitting(path, character):
    """The font at the size at which a character takes 0.68 of the square."""
    trial = ImageFont.truetype(str(path), 100)
    left, top, right, bottom = trial.getbbox(chr(character))
    longest = max(right - left, bottom - top)
    return ImageFont.truetype(str(path), max(8, round(100 * 0.68 * FINE / longest))) if longest > 0 else None


def smooth(rng):
    """A smooth field of shifts, in fine pixels: four by four numbers between which is interpolated."""
    coarse = rng.normal(0, 1, (5, 5)).astype(numpy.float32)
    return numpy.asarray(Image.fromarray(coarse).resize((FINE, FINE), Image.Resampling.BICUBIC))


def vary(picture, rng):
    """One drawing: bits, SIZE by SIZE."""
    angle = numpy.deg2rad(rng.uniform(-22, 22))
    shear = rng.uniform(-0.28, 0.28)
    across, down = rng.uniform(0.75, 1.15, 2)
    turn = numpy.array([[numpy.cos(angle), -numpy.sin(angle)], [numpy.sin(angle), numpy.cos(angle)]])
    back = numpy.linalg.inv(turn @ numpy.array([[1, shear], [0, 1]]) @ numpy.diag([across, down]))
    shift = rng.uniform(-2.0, 2.0, 2) * FINE / SIZE
    y, x = numpy.mgrid[0:FINE, 0:FINE].astype(numpy.float64)
    x, y = x - FINE / 2 - shift[0] + 2.5 * smooth(rng), y - FINE / 2 - shift[1] + 2.5 * smooth(rng)
    u = back[0, 0] * x + back[0, 1] * y + FINE / 2
    v = back[1, 0] * x + back[1, 1] * y + FINE / 2
    ink = numpy.asarray(picture.filter(ImageFilter.GaussianBlur(rng.uniform(1.0, 4.0))), dtype=numpy.float64)
    i, j = numpy.clip(v.round().astype(int), 0, FINE - 1), numpy.clip(u.round().astype(int), 0, FINE - 1)
    inside = (u >= 0) & (u < FINE) & (v >= 0) & (v < FINE)
    drawn = numpy.where(inside, ink[i, j], 0) > rng.uniform(70, 120)
    parts = drawn.reshape(SIZE, FINE // SIZE, SIZE, FINE // SIZE).mean(axis=(1, 3))
    return parts > 0.4


def chosen(folder):
    """For each script its font and characters, spread evenly over its letters, no two drawn alike."""
    best = {}
    for path in sorted(folder.glob("*-Regular.ttf")):
        script, found = letters(path)
        if script is None or script in LEFT_OUT or len(found) < FEWEST:
            continue
        plain = path.name.startswith("NotoSans")
        if script not in best or (plain, len(found)) > best[script][0]:
            best[script] = ((plain, len(found)), path, found)
    spread = numpy.linspace(0, len(best) - 1, min(SCRIPTS, len(best))).round().astype(int)
    for script in (sorted(best)[k] for k in spread):
        _, path, found = best[script]
        seen, kept = set(), []
        for character in found:
            font = fitting(path, character)
            picture = font and draw(font, character)
            if not picture:
                continue
            small = numpy.asarray(picture.resize((14, 14), Image.Resampling.BOX)) > 60
            if small.sum() < 8 or small.tobytes() in seen:
                continue
            seen.add(small.tobytes())
            kept.append((character, picture))
        if len(kept) >= FEWEST:
            take = numpy.linspace(0, len(kept) - 1, min(MOST, len(kept))).round().astype(int)
            yield script, [kept[k] for k in take]


def main(folder, target):
    rng = numpy.random.default_rng(SEED)
    images, characters, numbers, names = [], [], [], []
    for number, (script, kept) in enumerate(chosen(pathlib.Path(folder))):
        names.append(script)
        for _, picture in kept:
            character = characters[-1] + 1 if characters else 0
            for _ in range(EACH):
                images.append(vary(picture, rng))
                characters.append(character)
                numbers.append(number)
    numpy.savez_compressed(
        target,
        image=255 * numpy.array(images).astype(numpy.uint8)[:, None],
        character=numpy.array(characters, dtype=numpy.uint16),
        script=numpy.array(numbers, dtype=numpy.uint8),
    )
    print(len(names), "scripts:", *names)
    print(characters[-1] + 1, "characters,", len(images), "drawings")


if __name__ == "__main__":
    main(*sys.argv[1:])
