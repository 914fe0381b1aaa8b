"""What the store says of a study, as numbers: its frame, the samples of every expression, their statistics, its costs.

Also what papers print (`published`). Entries: `frame.read_frame`, `samples.read_samples`, `evidence.weigh`. Every room
but `text` may import it; it imports `text` alone, and draws and prints nothing.
"""
