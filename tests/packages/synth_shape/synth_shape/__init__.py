from synth_shape.tracker import SubTracker, TrackerBase

__all__ = ["SubTracker", "TrackerBase"]
