import test from 'ava';
import { RequestLines } from '../src/request-lines.ts';

const mend = (chunks: string[]) => {
  const lines = new RequestLines();
  return chunks.map((chunk) => lines.mend(Buffer.from(chunk)).toString()).join('');
};

const ROWS: [title: string, sent: string, heard: string][] = [
  [
    'a request line without a slash gets one, and is of HTTP/1.0: its connection ends with the answer',
    'POST attach HTTP/1.1\r\n\r\n',
    'POST /attach HTTP/1.0\r\n\r\n',
  ],
  ['an empty target becomes the root', 'POST  HTTP/1.1\r\n\r\n', 'POST / HTTP/1.0\r\n\r\n'],
  ['a request line with a slash stays', 'POST /open HTTP/1.1\r\n\r\n', 'POST /open HTTP/1.1\r\n\r\n'],
  [
    'every request of a connection is mended, and no body',
    'POST a HTTP/1.1\r\nContent-Length: 17\r\n\r\nPOST x HTTP/1.1\r\nPOST b HTTP/1.0\r\n\r\n',
    'POST /a HTTP/1.0\r\nContent-Length: 17\r\n\r\nPOST x HTTP/1.1\r\nPOST /b HTTP/1.0\r\n\r\n',
  ],
  [
    'a header that looks like a request line stays',
    'POST a HTTP/1.1\r\nPOST b HTTP/1.1\r\n\r\n',
    'POST /a HTTP/1.0\r\nPOST b HTTP/1.1\r\n\r\n',
  ],
  [
    'after chunks nothing is touched',
    'POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nPOST b HTTP/1.1\r\n\r\n',
    'POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nPOST b HTTP/1.1\r\n\r\n',
  ],
  ['a line without end goes through', 'x'.repeat(10_000), 'x'.repeat(10_000)],
];

for (const [title, sent, heard] of ROWS) {
  test(title, (t) => {
    t.is(mend([sent]), heard);
    t.is(mend(Array.from(sent)), heard, 'byte by byte');
  });
}
