//! A small HTTP/1.1 client on a socket: it sends any bytes and hides none that it receives.

use std::{
    io::{self, BufRead, BufReader, Error, ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
};

use super::wait::DEADLINE;

/// A response, with every part as the bytes that were received.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// What follows the status code.
    pub reason: Vec<u8>,
    /// The headers in their order, names as they were sent, values without surrounding blanks.
    pub headers: Vec<(Vec<u8>, Vec<u8>)>,
    /// The body, decoded where it was chunked.
    pub body: Vec<u8>,
}

impl Response {
    /// The first header of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers_named(name).first().copied()
    }

    /// The values of all headers of this name, in any case.
    pub fn headers_named(&self, name: &str) -> Vec<&[u8]> {
        self.headers
            .iter()
            .filter(|(key, _)| key.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value.as_slice())
            .collect()
    }

    /// The body as text; panics where it is not UTF-8.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is UTF-8")
    }

    /// The body as text of a 200; panics with what came instead.
    #[track_caller]
    pub fn ok(&self) -> &str {
        assert_eq!(self.status, 200, "body: {}", String::from_utf8_lossy(&self.body));
        self.text()
    }
}

/// A connection that is kept open, for several requests or for bytes that are no request.
#[derive(Debug)]
pub struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    /// Connects to 127.0.0.1, with [`DEADLINE`] on connecting and on every read and write.
    pub fn open(port: u16) -> io::Result<Self> {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let stream = TcpStream::connect_timeout(&address, DEADLINE)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        stream.set_write_timeout(Some(DEADLINE))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Sends a request and reads the response. `Host`, and `Content-Length` with a body, are added
    /// unless `headers` has them (or `Transfer-Encoding`; `body` is sent as it is).
    pub fn request(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> io::Result<Response> {
        self.send_request(method, target, headers, body)?;
        self.read_response(method == "HEAD")
    }

    /// A `GET` without further headers.
    pub fn get(&mut self, target: &str) -> io::Result<Response> {
        self.request("GET", target, &[], None)
    }

    /// The first half of [`Connection::request`].
    pub fn send_request(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> io::Result<()> {
        let has = |name: &str| headers.iter().any(|(key, _)| key.eq_ignore_ascii_case(name));
        let mut message = format!("{method} {target} HTTP/1.1\r\n").into_bytes();
        if !has("Host") {
            message.extend_from_slice(b"Host: localhost\r\n");
        }
        for (key, value) in headers {
            message.extend_from_slice(format!("{key}: {value}\r\n").as_bytes());
        }
        if let Some(body) = body
            && !has("Content-Length")
            && !has("Transfer-Encoding")
        {
            message.extend_from_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
        }
        message.extend_from_slice(b"\r\n");
        message.extend_from_slice(body.unwrap_or_default());
        self.send(&message)
    }

    /// Sends raw bytes.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// Tells the server that nothing more will be sent.
    pub fn finish_sending(&mut self) -> io::Result<()> {
        self.stream.get_mut().shutdown(Shutdown::Write)
    }

    /// Reads a whole response; interim ones (1xx) are passed over. `head` says that no body follows.
    pub fn read_response(&mut self, head: bool) -> io::Result<Response> {
        let mut response = self.read_head()?;
        if !head && response.status != 204 && response.status != 304 {
            self.read_body(&mut response)?;
        }
        Ok(response)
    }

    /// Reads the status line and the headers of the next final response and leaves its body unread.
    pub fn read_head(&mut self) -> io::Result<Response> {
        loop {
            let line = self.read_line()?;
            let (status, reason) = status_line(&line).ok_or_else(|| invalid(&line))?;
            let mut headers = Vec::new();
            loop {
                let line = self.read_line()?;
                if line.is_empty() {
                    break;
                }
                let colon = line.iter().position(|byte| *byte == b':');
                let colon = colon.ok_or_else(|| invalid(&line))?;
                let value = line[colon + 1..].trim_ascii().to_vec();
                headers.push((line[..colon].to_vec(), value));
            }
            if status >= 200 {
                return Ok(Response { status, reason, headers, body: Vec::new() });
            }
        }
    }

    /// Reads an interim response, which has no headers here, and returns its status.
    pub fn read_interim(&mut self) -> io::Result<u16> {
        let line = self.read_line()?;
        let (status, _) = status_line(&line).ok_or_else(|| invalid(&line))?;
        while !self.read_line()?.is_empty() {}
        Ok(status)
    }

    /// Reads the next chunk of a chunked body; empty at its end.
    pub fn read_chunk(&mut self) -> io::Result<Vec<u8>> {
        let line = self.read_line()?;
        let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
        let size = std::str::from_utf8(digits.trim_ascii())
            .ok()
            .and_then(|digits| usize::from_str_radix(digits, 16).ok())
            .ok_or_else(|| invalid(&line))?;
        let mut chunk = vec![0; size];
        self.stream.read_exact(&mut chunk)?;
        // After data a line end follows; after the last chunk, trailers up to an empty line.
        while !self.read_line()?.is_empty() {}
        Ok(chunk)
    }

    /// Reads raw bytes until the server closes the connection.
    pub fn read_to_end(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.stream.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn read_body(&mut self, response: &mut Response) -> io::Result<()> {
        let chunked = response.header("Transfer-Encoding").is_some_and(|value| value.eq_ignore_ascii_case(b"chunked"));
        if chunked {
            loop {
                let chunk = self.read_chunk()?;
                if chunk.is_empty() {
                    return Ok(());
                }
                response.body.extend_from_slice(&chunk);
            }
        }
        match response.header("Content-Length") {
            Some(text) => {
                let length = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
                response.body = vec![0; length.ok_or_else(|| invalid(text))?];
                self.stream.read_exact(&mut response.body)
            }
            None => {
                response.body = self.read_to_end()?;
                Ok(())
            }
        }
    }

    /// Reads a line and drops its end.
    fn read_line(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line)?;
        if line.pop() != Some(b'\n') {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Ok(line)
    }
}

/// The status and the reason of `HTTP/1.1 200 OK`.
fn status_line(line: &[u8]) -> Option<(u16, Vec<u8>)> {
    let rest = line.strip_prefix(b"HTTP/1.")?.get(1..)?.strip_prefix(b" ")?;
    let (digits, reason) = rest.split_at_checked(3)?;
    let status = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some((status, reason.strip_prefix(b" ").unwrap_or(reason).to_vec()))
}

fn invalid(line: &[u8]) -> Error {
    let text = String::from_utf8_lossy(line).into_owned();
    Error::new(ErrorKind::InvalidData, format!("no HTTP: {text:?}"))
}
