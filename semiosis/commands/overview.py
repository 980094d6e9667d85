"""What `semiosis --help` prints."""

from semiosis.commands.shared import GAMES

HELP = """semiosis: neural agents that invent a language in order to be understood

  semiosis demo [--out DIR]              agents invent languages in five games, in minutes: tables, pictures, films
  semiosis train GAME [flags]            train a game: --preset tiny|quick|paper, --data, --seeds, --steps, --out, every dial of the game
  semiosis resume DIR [--steps N]        go on from the newest checkpoint, bit for bit as if never stopped; also with more steps
  semiosis evaluate DIR [--split test]   the table of a run: accuracy with intervals and chance, the measures of its language
  semiosis report DIR...                 one page of one run or several, to send to a colleague: what was run, figures, tables, tests
  semiosis reproduce PAPER [--quick]     what a paper claims, trained here and compared with what is found
  semiosis corpus DIR [--format F]       who said what to whom about what, as a file: parquet, jsonl, hdf5, elcc or egg
  semiosis metrics FILE|DIR              every measure of a language, with its null and interval; also of corpora of others
  semiosis recall DIR [--seed N]         what each sign calls to mind: agents draw what they imagine when they hear it
  semiosis film DIR                      how a drawn language came to be, and how its glyphs turn into one another: GIF and MP4
  semiosis dialogue-analysis DIR|FILE    recorded conversations of a dialogue: a dump, and every figure from it alone
  semiosis draw IMAGE                    strokes that look like an image, by gradient descent: PNG, SVG, film
  semiosis gamelogs DIR|FOLDER           the games of a sketch run as files, some of them, and a page on which people play them
  semiosis recognise DIR...              can a classifier that never saw a sketch tell what is drawn?
  semiosis features DIR --out --weights  feature files for the dialogue: what a ResNet-34 sees in a folder of images
  semiosis probe DIR                     ease of learning: newborn listeners learn the run's language
  semiosis crossplay DIR...              agents of different seeds, runs or steps try to understand each other
  semiosis data [NAME]                   the data sets there are; a contact sheet of one
  semiosis describe GAME                 the agents: layers, shapes, parameters, what is frozen
  semiosis bench [GAME...]               CPU seconds of a training step, with the share of this machine's peak

GAME is {games}, or the path of a Python file with a game of your own. `semiosis COMMAND --help` shows every flag;
`semiosis train GAME --help` every dial with its meaning, unit and source.
"""


def overview() -> str:
    """Every command in a line."""
    return HELP.format(games=", ".join(GAMES))
