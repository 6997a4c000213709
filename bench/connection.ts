/** One kept connection that sends one request at a time, for what is measured request by request. */
import type { Readable } from 'node:stream';
import { Client } from 'undici';

export interface Connection {
  /**
   * Sends a request and waits for its whole answer.
   * @throws Error when the answer is not 200 or not `OK`: a figure made of errors would be none
   */
  ask(method: 'GET' | 'POST', path: string, body?: unknown): Promise<Record<string, unknown>>;
  /** Sends bytes; answers what was answered. */
  upload(path: string, body: Readable | Buffer, size: number): Promise<Record<string, unknown>>;
  /** Hears the bytes of an answer as they come; answers how many there were. */
  download(path: string, hear?: (chunk: Buffer) => void): Promise<number>;
  close(): Promise<void>;
}

export function openConnection(url: string, token: string): Connection {
  // A gigabyte may take longer than undici's patience with ordinary answers.
  const client = new Client(url, { headersTimeout: 300_000, bodyTimeout: 300_000 });
  const authorization = `Bearer ${token}`;

  async function ask(method: 'GET' | 'POST', path: string, body?: Buffer | Readable | string, size?: number) {
    const headers = { authorization, ...(size !== undefined && { 'content-length': String(size) }) };
    const answer = await client.request({ method, path, headers, body: body ?? null });
    const text = await answer.body.text();
    if (answer.statusCode !== 200) throw new Error(`${method} ${path} was answered ${answer.statusCode}: ${text}`);
    const said = JSON.parse(text) as Record<string, unknown>;
    if (said['status'] !== 'OK') throw new Error(`${method} ${path} was answered ${text}`);
    return said;
  }

  return {
    ask: (method, path, body) => ask(method, path, body === undefined ? undefined : JSON.stringify(body)),
    upload: (path, body, size) => ask('POST', path, body, size),
    async download(path, hear) {
      const answer = await client.request({ method: 'GET', path, headers: { authorization } });
      if (answer.statusCode !== 200) throw new Error(`GET ${path} was answered ${answer.statusCode}`);
      let bytes = 0;
      for await (const chunk of answer.body as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        hear?.(chunk);
      }
      return bytes;
    },
    close: () => client.close(),
  };
}
