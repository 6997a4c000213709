/**
 * The document of the API at /openapi.json, and the page made of it at /docs.
 *
 * For anyone: they say what the program's sources say. Both are made when they are first asked for, and kept.
 */
import { readFileSync } from 'node:fs';
import { findPackageJSON } from 'node:module';
import type { Express, Response } from 'express';

interface Documents {
  json: string;
  page: string;
  /** Content-Security-Policy of the page. */
  policy: string;
}

/** Goes before the routes of the table, which answer 404 to all they do not know. */
export function mountDocuments(app: Express): void {
  let made: Promise<Documents> | undefined;
  const documents = () => (made ??= makeDocuments());

  app.get('/openapi.json', async (_request, response) => {
    const { json } = await documents();
    answer(response, 'application/json', json);
  });
  app.get(['/docs', '/docs/'], async (request, response) => {
    // Links of the page are relative, so that it also works below the path of a proxy.
    if (!request.path.endsWith('/')) return response.redirect(301, 'docs/');
    const { page, policy } = await documents();
    response.set('Content-Security-Policy', policy);
    answer(response, 'text/html; charset=utf-8', page);
  });
}

async function makeDocuments(): Promise<Documents> {
  const [{ openApiDocument }, { PAGE_POLICY, printPage }] = await Promise.all([
    import('@kolejka/protocol/openapi'),
    import('./page.ts'),
  ]);
  const document = openApiDocument(readVersion());
  return { json: JSON.stringify(document), page: printPage(document), policy: PAGE_POLICY };
}

/** The version of this package, whichever program it runs in. */
function readVersion(): string {
  const manifest = findPackageJSON('..', import.meta.url) ?? '';
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
}

function answer(response: Response, type: string, text: string): void {
  const bytes = Buffer.from(text);
  response.writeHead(200, { 'content-type': type, 'content-length': bytes.length, 'cache-control': 'no-cache' });
  response.end(bytes);
}
