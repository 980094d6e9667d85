"""English words that say nothing of what a thing looks like: what is left of a text without them is its content."""

from __future__ import annotations

TEXT = """
a an the this that these those such some any each every all both either neither another other others own same several various certain
i me my mine myself we us our ours ourselves you your yours yourself he him his himself she her hers herself it its itself
they them their theirs themselves who whom whose which what whatever someone something anything everything nothing
am is are was were be been being do does did doing done has have had having can could cannot may might must shall should will would
isn't aren't wasn't weren't don't doesn't didn't hasn't haven't hadn't can't couldn't shouldn't won't wouldn't
i'm i've i'd i'll you're you've you'd you'll we're we've we'd we'll they're they've they'd they'll he'd he'll she'd she'll it'd it'll
of in on at by to from with within without into onto upon about as for like than per via toward towards through throughout along across
between among amongst against during before after until till since despite except beside besides around over under above below
up down out off again away further near
and or but nor if because although though while whereas whether unless so then when where why how there here thus hence
not no never very too also often usually sometimes always ever still just only even quite rather mostly mainly chiefly especially
more most much many few less least enough almost nearly about etc eg ie
"""
STOP_WORDS = frozenset(TEXT.split())
