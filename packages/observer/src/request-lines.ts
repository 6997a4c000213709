/**
 * Mends request lines. The original's programs inside containers say `POST attach HTTP/1.1`, without a slash, which no
 * HTTP parser takes. So the bytes of a connection pass here first: request lines get their slash, all else goes through
 * as it came, as soon as it comes.
 *
 * Such a line becomes one of HTTP/1.0: the original's observer closes after each answer, and those programs rely on it
 * (Python's http.client sends no request before it has read the last answer, but where that one ended the connection).
 */

/** A longer line goes through as it is; the parser refuses it then. */
const LONGEST_LINE = 8192;
const NEWLINE = 10;
const NO_SLASH = /^([A-Z]+) (?![/*])(\S*) ?HTTP\/1\.[01](\r?\n)$/;

export class RequestLines {
  /** What comes next: a request line, a header, or so many bytes of body. */
  #expects: 'request' | 'header' | 'body' | 'anything' = 'request';
  #line: Buffer = Buffer.alloc(0);
  #bodyLeft = 0;

  /** The bytes that can go on after this chunk came. An unfinished line waits for its end. */
  mend(chunk: Buffer): Buffer {
    const out: Buffer[] = [];
    for (let rest = chunk; rest.length > 0; ) {
      if (this.#expects === 'anything') return Buffer.concat([...out, rest]);
      if (this.#expects === 'body') {
        out.push(rest.subarray(0, this.#bodyLeft));
        const taken = Math.min(rest.length, this.#bodyLeft);
        this.#expectBody(this.#bodyLeft - taken);
        rest = rest.subarray(taken);
        continue;
      }
      const end = rest.indexOf(NEWLINE);
      this.#line = Buffer.concat([this.#line, end < 0 ? rest : rest.subarray(0, end + 1)]);
      if (end < 0 && this.#line.length <= LONGEST_LINE) break;
      if (end < 0) this.#expects = 'anything';
      out.push(this.#takeLine());
      rest = end < 0 ? Buffer.alloc(0) : rest.subarray(end + 1);
    }
    return Buffer.concat(out);
  }

  /** False between requests. After chunks came nobody knows, and it stays true. */
  get isWithinRequest(): boolean {
    return this.#expects !== 'request' || this.#line.length > 0;
  }

  #expectBody(bytes: number): void {
    this.#bodyLeft = bytes;
    this.#expects = bytes > 0 ? 'body' : 'request';
  }

  #takeLine(): Buffer {
    const line = this.#line;
    this.#line = Buffer.alloc(0);
    const text = line.toString('latin1');
    const isEmpty = text.trim() === '';
    if (this.#expects === 'request' && !isEmpty) {
      this.#expects = 'header';
      this.#bodyLeft = 0;
      return Buffer.from(text.replace(NO_SLASH, '$1 /$2 HTTP/1.0$3'), 'latin1');
    }
    if (this.#expects === 'header') {
      this.#bodyLeft = Number(/^content-length:\s*(\d{1,15})\s*$/i.exec(text)?.[1] ?? this.#bodyLeft);
      // Who sends chunks does not write requests by hand.
      if (/^transfer-encoding:/i.test(text)) this.#expects = 'anything';
      if (isEmpty) this.#expectBody(this.#bodyLeft);
    }
    return line;
  }
}
