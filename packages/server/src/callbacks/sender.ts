/** What sends callbacks, loaded when the first is sent: its HTTP client takes a fifth of the memory of an idle server. */
import type { Callback, Connections, Outcome } from './send.ts';

export interface Sender {
  /** As `sendCallback`. */
  send(callback: Callback, signal: AbortSignal): Promise<Outcome>;
  close(): Promise<void>;
}

export function openSender(): Sender {
  let opened: Promise<{ connections: Connections; sendCallback: typeof import('./send.ts').sendCallback }> | undefined;

  async function open() {
    const { openCallbackConnections, sendCallback } = await import('./send.ts');
    return { connections: openCallbackConnections(), sendCallback };
  }

  return {
    async send(callback, signal) {
      opened ??= open();
      const { connections, sendCallback } = await opened;
      return await sendCallback(callback, connections, signal);
    },
    async close() {
      await (await opened)?.connections.destroy();
    },
  };
}
