/** Where the server listens, as it is written. */
import { GridError } from '@kolejka/protocol';

export interface Address {
  host: string;
  port: number;
}

/**
 * `ADDR:PORT`, `[IPv6]:PORT`, `:PORT` or `PORT`.
 * @throws GridError `bad-value`
 */
export function parseAddress(text: unknown, field: string): Address {
  const [, six, four, port = ''] = /^(?:\[([0-9a-fA-F:.]+)\]:|([^:[\]]*):)?(\d{1,5})$/.exec(String(text)) ?? [];
  if (port === '' || Number(port) > 65_535) {
    throw new GridError('bad-value', `${field}: ${JSON.stringify(text)} is not an address such as 127.0.0.1:8000`, {
      field,
    });
  }
  return { host: six ?? (four === undefined || four === '' ? '127.0.0.1' : four), port: Number(port) };
}

/** As it stands in a URL. */
export function printAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
