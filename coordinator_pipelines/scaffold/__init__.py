"""New challenges from a spec: what ``coordinator init`` writes, and what ``doctor`` looks at.

Add a file of a new workspace in ``templates``; avoid commands (``cli``) and anything that a
challenge does once it is there.
"""
