"""Multipart bodies (RFC 2046), read line by line."""


class MultipartReader:
    """Iterates over the parts of a multipart body as (header, content).

    The header is a list of pairs, the content an iterator over bytes, to be used before the next part is asked for.
    Of the body only one line, or one block of it, is held at a time, and none of it is looked at twice. A body that
    ends too early ends its last part; a part whose header is cut off is dropped, as it has no content.
    """

    def __init__(self, readline, boundary, block_size):
        self._readline = readline
        self._block_size = block_size
        self._delimiter = b"--" + boundary
        self._in_part = True
        self._finished = False

    def __iter__(self):
        self._skip(self._content())  # what stands before the first delimiter
        while not self._finished:
            self._in_part = True
            head = self._head()
            if head is None:
                return
            content = self._content()
            yield head, content
            self._skip(content)

    @staticmethod
    def _skip(content):
        for _block in content:
            pass

    def _head(self):
        """The header of a part as (name, value) pairs; None if the body ends within it."""
        lines = []
        room = self._block_size
        while True:
            line = self._line()
            if line in (b"\r\n", b"\n") or self._is_delimiter(line):
                return _unfold(lines)
            if not line:
                return None
            # A header is short. What goes beyond a block is read over, so that it cannot fill the memory.
            room -= len(line)
            if room >= 0:
                # The tables of httpd hold no NUL.
                lines.append(line.decode("utf-8", "replace").replace("\0", "\ufffd"))

    def _line(self):
        """The first block of a line, of which the rest is read over; empty if the body ends before the line does."""
        first = block = self._readline(self._block_size)
        while block and not block.endswith(b"\n"):
            block = self._readline(self._block_size)
        return first if block or self._is_delimiter(first) else b""

    def _content(self):
        """The content of a part, without the line end that belongs to the delimiter after it."""
        held = b""
        starts_line = True
        while self._in_part:
            block = self._readline(self._block_size)
            if starts_line and self._is_delimiter(block):
                return
            if not block:
                self._in_part = False
                self._finished = True
                yield held
                return
            starts_line = block.endswith(b"\n")
            block = held + block
            held = _line_end(block)
            yield block[: len(block) - len(held)]

    def _is_delimiter(self, line):
        """Whether the line ends a part; takes note of it."""
        if not line.startswith(self._delimiter):
            return False
        rest = line[len(self._delimiter) :].rstrip()
        if rest not in (b"", b"--"):
            return False
        self._in_part = False
        self._finished = rest == b"--"
        return True


def _line_end(block):
    """The line end at the end of `block`; a single CR may become one with the next block."""
    for end in (b"\r\n", b"\n", b"\r"):
        if block.endswith(end):
            return end
    return b""


def _unfold(lines):
    """The (name, value) pairs of header lines; folded lines are joined by blanks, lines without a colon left out."""
    headers = []
    for line in lines:
        if line[0] in " \t":
            if headers:
                headers[-1][1].append(line.strip())
            continue
        name, colon, value = line.partition(":")
        if colon:
            headers.append((name.strip(), [value.strip()]))
    return [(name, " ".join(values)) for name, values in headers]
