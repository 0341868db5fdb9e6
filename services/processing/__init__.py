"""From an upload to a video that plays.

| module | what is in it |
| --- | --- |
| turns.py | whose work a worker does next: fair to people, first renditions before the rest |
| transcoding.py | one run over one video: who holds it, and how that ends |
| steps.py | what is made of a video, step by step |
| inspection.py | what is known of a source, at once and later |
| early.py | the lowest rendition, playable while it is still being encoded |
| chunks.py | long videos, encoded in pieces by as many workers as there are |
| grid.py | where those pieces begin and end |
| ladder.py | which renditions there are to be |
| work.py | what the steps of one run share |
| heartbeat.py | a worker's hold on what it works at, and how it loses it |
| announce.py | the one place that says playable, ready and failed |
| encoder.py | FFmpeg and Packager, in the words of these modules |
"""
