"""A keep-alive HTTP client just large enough to verify responses and to time reloads."""
import socket


class Response:
    """What came back: the status code, the header text and the body."""

    def __init__(self, head, body):
        self.status = int(head.split(b' ', 2)[1])
        self.head = head
        self.body = body

    @property
    def size(self):
        """Bytes on the wire."""
        return len(self.head) + len(self.body)


class Connection:
    """One connection to a server on loopback."""

    def __init__(self, port, timeout):
        self.socket = socket.create_connection(('127.0.0.1', port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.pending = b''

    def get(self, url):
        """One request, read to the end of its response."""
        return self.get_many(url, 1)[0]

    def get_many(self, url, count):
        """The same request so many times, all sent before the first response is read."""
        self.socket.sendall(count * ('GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n' % url).encode('ascii'))
        return [self._response() for _ in range(count)]

    def post(self, url, form):
        """Post urlencoded fields, read to the end of the response."""
        self.socket.sendall(
            ('POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n'
             'Content-Length: %d\r\n\r\n%s' % (url, len(form), form)).encode('ascii'))
        return self._response()

    def close(self):
        """Close the connection."""
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _response(self):
        head = self._until(b'\r\n\r\n')
        fields = head.lower().split(b'\r\n')
        for field in fields:
            if field.startswith(b'content-length:'):
                return Response(head, self._exactly(int(field.split(b':')[1])))
        if b'transfer-encoding: chunked' in fields:
            return Response(head, self._chunks())
        raise ValueError('a response without a length: %r' % head)

    def _more(self):
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError('the server closed the connection')
        self.pending += data

    def _until(self, mark):
        while mark not in self.pending:
            self._more()
        end = self.pending.index(mark) + len(mark)
        taken, self.pending = self.pending[:end], self.pending[end:]
        return taken

    def _exactly(self, count):
        while len(self.pending) < count:
            self._more()
        taken, self.pending = self.pending[:count], self.pending[count:]
        return taken

    def _chunks(self):
        body = b''
        while True:
            size = int(self._until(b'\r\n').split(b';')[0], 16)
            body += self._exactly(size)
            self._until(b'\r\n')
            if size == 0:
                return body
