"""The rules that join fields of a spec: what must agree with what, one function per rule."""
