/** Reads one JSON value from bytes, a piece at a time. `serve-json.ts` says what for. */
import { type ErrorCode, GridError } from '@kolejka/protocol';
import { isNumeral, QUOTE, type Scanned, scanNumber, scanText, scanWord } from './json-scalars.ts';

export interface JsonBounds {
  /** Most objects and arrays inside one another. */
  depth: number;
  /** Most values, those inside objects and arrays included. */
  values: number;
  /** Most bytes of one text, as it is written. */
  text: number;
}

type Holder = Record<string, unknown> | unknown[];

/** What may come next. */
type Next = 'value' | 'first value' | 'key' | 'first key' | 'comma' | 'end';

const [COMMA, COLON] = [0x2c, 0x3a];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/** After so many steps the clock is looked at. A step is a bracket, a comma, a scalar, or so many blanks. */
const LOOK_EVERY = 1000;
const BLANKS_A_STEP = 1000;

export class JsonReader {
  value: unknown;
  private readonly bytes: Buffer;
  private readonly bounds: JsonBounds;
  private at = 0;
  private next: Next = 'value';
  private values = 0;
  /** The objects and arrays that are open, outermost first, and the key under which each stands. */
  private readonly holders: Holder[] = [];
  private readonly keys: string[] = [];
  private holder: Holder | undefined;
  private key = '';

  constructor(bytes: Buffer, bounds: JsonBounds) {
    this.bytes = bytes;
    this.bounds = bounds;
    // Some editors put a byte order mark in front.
    if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) this.at = 3;
  }

  /**
   * Reads on for about so many milliseconds; true at the end of the bytes.
   * @throws GridError `bad-json`, `bad-value`, `too-large`
   */
  readOn(milliseconds: number): boolean {
    const until = performance.now() + milliseconds;
    for (let steps = 1; this.at < this.bytes.length; steps += 1) {
      if (steps % LOOK_EVERY === 0 && performance.now() > until) return false;
      const byte = this.bytes[this.at] ?? 0;
      if (isBlank(byte)) this.skipBlanks();
      else this.step(byte);
    }
    if (this.next !== 'end') throw this.noJson();
    return true;
  }

  private step(byte: number): void {
    if (this.next === 'comma' && byte === COMMA) {
      this.at += 1;
      this.next = Array.isArray(this.holder) ? 'value' : 'key';
    } else if (this.next === 'comma' || (this.next.startsWith('first') && isClosing(byte))) this.close(byte);
    else if (this.next === 'key' || this.next === 'first key') this.readKey(byte);
    else if (this.next === 'end') throw this.noJson();
    else this.readValue(byte);
  }

  private readKey(byte: number): void {
    if (byte !== QUOTE) throw this.noJson();
    this.key = '';
    this.key = this.scan(() => scanText(this.bytes, this.at, this.bounds.text));
    if (Object.hasOwn(this.holder as object, this.key)) throw this.located('bad-json', 'this key comes twice');
    while (isBlank(this.bytes[this.at])) this.skipBlanks();
    if (this.bytes[this.at] !== COLON) throw this.noJson();
    this.at += 1;
    this.next = 'value';
  }

  private readValue(byte: number): void {
    this.values += 1;
    if (this.values > this.bounds.values) {
      throw new GridError('too-large', `The body has more than ${this.bounds.values} values.`);
    }
    if (byte === OPEN_OBJECT) return this.open({}, 'first key');
    if (byte === OPEN_LIST) return this.open([], 'first value');
    const scan = byte === QUOTE ? scanText : isNumeral(byte) ? scanNumber : scanWord;
    this.keep(this.scan<unknown>(() => scan(this.bytes, this.at, this.bounds.text)));
    this.next = this.holder === undefined ? 'end' : 'comma';
  }

  private open(holder: Holder, next: Next): void {
    if (this.holders.length >= this.bounds.depth) {
      throw new GridError('bad-value', `The body is nested deeper than ${this.bounds.depth}.`);
    }
    this.keep(holder);
    this.holders.push(holder);
    this.keys.push(this.key);
    this.holder = holder;
    this.next = next;
    this.at += 1;
  }

  private close(byte: number): void {
    if (byte !== (Array.isArray(this.holder) ? CLOSE_LIST : CLOSE_OBJECT)) throw this.noJson();
    this.at += 1;
    this.holders.pop();
    this.keys.pop();
    this.holder = this.holders.at(-1);
    this.next = this.holder === undefined ? 'end' : 'comma';
  }

  private keep(value: unknown): void {
    const { holder, key } = this;
    if (holder === undefined) this.value = value;
    else if (Array.isArray(holder)) holder.push(value);
    else if (key !== '__proto__') holder[key] = value;
    // Setting it would change what the object is.
    else Object.defineProperty(holder, key, { value, writable: true, enumerable: true, configurable: true });
  }

  private scan<Value>(scan: () => Scanned<Value> | undefined): Value {
    try {
      const scanned = scan();
      if (scanned === undefined) throw this.noJson();
      this.at = scanned.end;
      return scanned.value;
    } catch (thrown) {
      // What is wrong inside a text or number is said with its place, as other refusals are.
      if (thrown instanceof GridError && thrown.code !== 'bad-json') throw this.located(thrown.code, thrown.message);
      throw thrown;
    }
  }

  private skipBlanks(): void {
    const most = this.at + BLANKS_A_STEP;
    while (this.at < most && isBlank(this.bytes[this.at])) this.at += 1;
  }

  private located(code: ErrorCode, sentence: string): GridError {
    const names = this.holders.map((holder, depth) =>
      Array.isArray(holder) ? String(holder.length) : (this.keys[depth + 1] ?? this.key),
    );
    const field = names.map((name) => name.slice(0, 80)).join('.');
    return new GridError(code, `${field === '' ? 'the body' : field}: ${sentence}`, field === '' ? {} : { field });
  }

  private noJson(): GridError {
    return new GridError('bad-json', `The body is not JSON: it goes wrong at byte ${this.at}.`);
  }
}

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function isClosing(byte: number): boolean {
  return byte === CLOSE_LIST || byte === CLOSE_OBJECT;
}
