/** Ends an HTTP server without cutting off requests under way and without waiting for idle connections. */
import { once } from 'node:events';
import type { Server, ServerResponse } from 'node:http';

/** Answers a function that stops the server: new connections are refused, idle ones closed, the rest have `graceMs`. */
export function drainer(server: Server): (graceMs?: number) => Promise<void> {
  let closing = false;
  const open = new Set<ServerResponse>();
  server.on('request', (_request, response) => {
    open.add(response);
    if (closing) response.setHeader('connection', 'close');
    response.on('close', () => {
      open.delete(response);
      if (closing) setImmediate(() => server.closeIdleConnections());
    });
  });
  return async (graceMs = 5000) => {
    if (!server.listening) return;
    closing = true;
    // Else a caller may send its next request on a connection that is closed as soon as this one is answered.
    for (const response of open) if (!response.headersSent) response.setHeader('connection', 'close');
    const closed = once(server, 'close');
    server.close();
    server.closeIdleConnections();
    const timer = setTimeout(() => server.closeAllConnections(), graceMs);
    await closed;
    clearTimeout(timer);
  };
}
