"""What a file looks like, without opening it in anything that could be harmed by it."""

from trailmark.pages.files.preview import Preview, build_preview, mime_of, wanted_bytes

__all__ = ["Preview", "build_preview", "mime_of", "wanted_bytes"]
