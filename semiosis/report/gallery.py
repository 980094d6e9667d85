"""The pictures of an evaluated run: which there are, by what its language has the data for."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

MOST_CLASSES = 100  # in a table of signs and classes
MOST_GLYPHS, MOST_SENT = 128, 16  # in an alphabet and in a sheet of what arrives
MOST_SKETCHES, MOST_AVERAGED, SIDE = 12, 8, 128  # on a contact sheet and among seeds; pixels of a sketch drawn anew, to be looked at
MOST_POINTS, MOST_MAPS = 2000, 4  # things and agents in maps of what agents perceive


def figures(trained: Any, result: dict[str, Any], findings: list[Any], split: str) -> list[Path]:
    """The pictures of an evaluated run: its curves, and those that the language of the first seed has the data for.

    Symbols have a lexicon; messages of one symbol a table of signs and classes; latents, where the game tells them, maps. Messages that
    are images have an alphabet and a sheet of what is drawn and what arrives.
    """
    import numpy as np

    from semiosis.report.figures import confusion, curves, latents, lexicon
    from semiosis.runs.records import read_metrics
    from semiosis.runs.session import suffix

    home, which = trained.run.path / "figures", suffix(split)
    rows = read_metrics(trained.run)
    shown = trained.experiment.shown
    exams = trained.experiment.exams
    chance = exams["valid" if "valid" in exams else split].chance  # of the split that curves show
    paths = [curves(rows, home / "curves.png", chance=chance, shown=shown)] if rows else []
    if findings[0].pictures is not None:
        paths += _drawings(findings[0].pictures, home, which)
    paths += _by_level(result["metrics"], home / f"levels{which}.png")
    paths += _pairs(result, home / f"pairs{which}.png")
    paths += _tampered(result["metrics"], home / f"interventions{which}.png")
    if hasattr(trained.game, "strokes_of"):
        paths += _sketches(trained, split, home, which)
    language = findings[0].language
    if language is None:
        return paths
    if language.code is not None:
        return paths + _talks(trained, split, home, which)
    label, signs, classes = language.about.get("label"), language.signs, trained.data.classes
    if "index" in language.about:
        part = trained.data.splits[split.split("/")[0]]
        images = part.inputs if part.inputs.ndim == 4 and part.inputs.dtype == np.uint8 else None
        vocab_size = getattr(trained.config, "vocab_size", language.symbols)
        about = {"attribute_names": trained.data.attribute_names, "attribute_values": trained.data.attribute_values}
        paths.append(lexicon(language, images, part.labels, classes, home / f"lexicon{which}.png", vocab_size=vocab_size, **about))
    if signs is not None and label is not None and int(label.max(initial=0)) < MOST_CLASSES:
        paths.append(confusion(signs, label, classes, home / f"confusion{which}.png", n_signs=language.symbols))
    if signs is not None and len(signs) > 2:
        paths.append(_agreement(signs, home / f"agreement{which}.png"))
    if language.latent is not None and np.isfinite(language.latent).all():
        some = slice(None, MOST_MAPS)
        about = {"labels": label, "classes": classes, "n_signs": language.symbols}
        about["signs"] = None if signs is None else signs[some]
        paths.append(latents(language.latent[some], home / f"latents{which}.png", most=MOST_POINTS, **about))
    return paths


def _drawings(seen: Any, home: Path, which: str) -> list[Path]:
    """The pictures of messages that are images, of the first agent of the first seed."""
    import numpy as np

    from semiosis.report.figures import alphabet, answers, contact
    from semiosis.report.words import message

    name = lambda row: message(np.atleast_1d(row).tolist(), seen.symbols)  # noqa: E731
    first = seen.distinct[np.linspace(0, len(seen.distinct) - 1, min(MOST_GLYPHS, len(seen.distinct))).round().astype(int)]
    names = [name(row) for row in seen.meant[first]]
    total = seen.symbols ** np.atleast_2d(seen.meant.T).shape[0] if seen.symbols else len(seen.distinct)
    some = f"{len(first)} of {total:,} messages." if total > len(first) else ""
    paths = [alphabet(seen.said[0, first], names, home / f"alphabet{which}.{kind}", caption=some) for kind in ("png", "svg")]
    if seen.heard is not None:
        some = slice(None, min(MOST_SENT, len(seen.meant)))
        read = [name(row) if np.max(row) < max(seen.symbols, 1) or not seen.symbols else "nothing" for row in seen.guess[0, 0, some]]
        sent = [name(row) for row in seen.meant[some]]
        told = _noise(seen.level[some]) if seen.level is not None else ""
        paths.append(contact(seen.said[0, some], seen.heard[0, some], sent, home / f"glyphs{which}.png", guesses=read, caption=told))
    if seen.meant.ndim == 1 and 0 < seen.symbols <= MOST_GLYPHS:
        letters = [message([symbol], seen.symbols) for symbol in range(seen.symbols)]
        meant = np.broadcast_to(seen.meant, seen.guess.shape[:2] + seen.meant.shape)
        paths.append(answers(meant.ravel(), seen.guess.ravel(), letters, home / f"answers{which}.png"))
    return paths


def _noise(level: Any) -> str:
    """What the levels of a row of images are, from left to right."""
    first, last = level[0], level[-1]
    if (level == first).all():
        return f"Noise of level {first:.3g}."
    return f"Noise of level {first:.3g} on the left to {last:.3g} on the right." if (level[1:] >= level[:-1]).all() else ""


def _pairs(result: dict[str, Any], path: Path) -> list[Path]:
    """Who understands whom in a population: means over seeds."""
    import numpy as np

    from semiosis.report.figures import matrix

    if "pairs" not in result:
        return []
    values = np.array(result["pairs"]["accuracy"], float).mean(0)
    rows, columns = ([str(i + 1) for i in range(count)] for count in values.shape)
    first, second = (f"{role}s" for role in result["pairs"]["roles"])
    story = f"Accuracy of each of the {first} with each of the {second}, mean over seeds.{{chance}}"
    chance = result["metrics"]["accuracy"]["chance"]
    return [matrix(rows, values, path, chance, story=story, sides=(first, second), columns=columns)]


def _by_level(table: dict[str, Any], path: Path) -> list[Path]:
    """How accuracy falls with the level of the channel, where a split has exams of its levels."""
    import numpy as np

    from semiosis.report.figures import ladder

    rows = [table[name]["per_seed"] for level in range(len(table)) if (name := f"accuracy@level-{level}") in table]
    if not rows:
        return []
    reached = [round(level) for level in table["level"]["per_seed"]] if "level" in table else None
    return [ladder(np.array(rows, float).T, path, chance=table["accuracy"]["chance"], level=reached)]


def _tampered(table: dict[str, Any], path: Path) -> list[Path]:
    """How success falls where messages are tampered with."""
    from semiosis.report.interventions import interventions, tampered

    share, rows = tampered(table)
    chance = table["accuracy"]["chance"] if share == "accuracy" else None
    return [interventions(rows, path, chance=chance, unit=share)] if rows else []


def _talks(trained: Any, split: str, home: Path, which: str) -> list[Path]:
    """Some conversations of the first seed, what is known at each step, and how long it takes to tell each class."""
    from semiosis.report.dialogue import attention, lengths, steps, transcript
    from semiosis.report.dialogue_analysis import samples
    from semiosis.runs import conversations

    talk, images, looked = conversations.of(trained, 0, split)
    rows = samples(talk)
    some = None if images is None else images[rows]
    paths = [transcript(talk, rows, home / f"conversations{which}.png", images=some)]
    if looked is not None:
        names, shape = [talk.classes[talk.target[row]] for row in rows], trained.data.splits["train"].inputs.shape[1:3]
        paths.append(attention(looked, rows, names, home / f"attention{which}.png", shape=shape, images=some))
    return [*paths, steps(talk, home / f"steps{which}.png"), lengths(talk, home / f"lengths{which}.png")]


def _sketches(trained: Any, split: str, home: Path, which: str) -> list[Path]:
    """What the first pair of each seed draws: games, a class on average, the same photos by all seeds; and sketches without pixels."""
    import numpy as np

    from semiosis import raster
    from semiosis.report import sketches as report
    from semiosis.runs import files, loop, sketches

    games = [sketches.of(trained, place, split) for place in range(len(trained.seeds))]
    first = games[0]
    rows = _spread_over(first.labels, first.seen, MOST_SKETCHES)
    world = loop.unstack(trained.worlds, 0)
    paths = [report.contact(first, rows, home / f"sketches{which}.png")]
    if first.labels is not None and len(np.unique(first.labels)) <= MOST_CLASSES:
        paths += [report.prototypes(first, home / f"prototypes{which}.png"), report.classes(first, home / f"classes{which}.png")]
    if len(games) > 1:
        drawn = [first.seen[row] for row in rows[:MOST_AVERAGED]]
        found = [[int(np.flatnonzero(own.seen == photo)[0]) for photo in drawn] for own in games]
        looks = np.stack([own.sketches[places] for own, places in zip(games, found, strict=True)])
        names = [first.called(int(photo)) for photo in drawn]
        paths.append(report.averages(looks, first.photos[drawn], home / f"seeds{which}.png", names=names, seeds=trained.seeds))
    config, part = trained.config, split.split("/")[0]
    strokes = trained.game.strokes_of(config, trained.data, world, part, first.seen[rows])
    paper = 1.0 if config.invert and config.coloured else 0.0  # what is in colour is drawn on white, and not turned
    looks = np.asarray(trained.game.drawn(config, strokes, SIDE, world.sigma2))
    caption = f"Sketches at {SIDE} pixels a side; agents see them at {first.sketches.shape[1]}."
    paths.append(report.contact(first, rows, home / f"gallery{which}.png", caption=caption, sketches=looks))
    opacity = np.ones(strokes.points.shape[:2], np.float32) if strokes.opacity is None else strokes.opacity
    faint = strokes._replace(opacity=config.contrast * opacity)
    folder = home / f"svg{which}"
    with files.spoken(f"create {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
    for i, row in enumerate(rows):
        name = "-".join(filter(None, ["sketch", str(i + 1), first.called(int(first.seen[row]))]))
        turned = config.invert and not paper
        text = raster.svg(faint, (SIDE, SIDE), float(world.sigma2), index=i, ink=config.ink, paper=paper, invert=turned)
        files.write_bytes(folder / f"{re.sub('[^A-Za-z0-9-]+', '-', name)}.svg", text.encode())
    return [*paths, folder]


def _spread_over(labels: Any, seen: Any, most: int) -> list[int]:
    """Some games, of as many classes as there are."""
    import numpy as np

    if labels is None:
        return list(range(min(most, len(seen))))
    kinds = labels[seen]
    turn = [np.sum(kinds[:i] == kind) for i, kind in enumerate(kinds)]  # the first of each class, then the second of each
    return sorted(np.lexsort((kinds, turn))[:most].tolist(), key=lambda i: (kinds[i], i))


def _agreement(signs: Any, path: Path) -> Path:
    """Who calls things alike: Cohen's kappa of each pair of speakers."""
    import numpy as np

    from semiosis import metrics
    from semiosis.report.figures import matrix

    table = [[metrics.kappa(own, other).value for other in signs] for own in signs]
    story = "Cohen's kappa of the names that two agents give: 1 where they always agree, 0 where no more than by chance."
    names = [metrics.agent(i) for i in range(len(signs))]
    values = np.array(table, float)
    return matrix(names, values, path, title="Who calls things alike", story=story, sides=("agents", "agents"))
