/**
 * Builds the lab as static files, and serves them. The files name each other by relative addresses, so they work under
 * any path. The names of all files but `index.html` contain a hash of the content, so they may be cached for ever.
 */
import { fileURLToPath } from 'node:url'
import { build, preview } from 'vite'

export interface Site {
  close(): Promise<void>
}

const COMMON = {
  configFile: false,
  root: fileURLToPath(new URL('./page', import.meta.url)),
  base: './',
  logLevel: 'error',
} as const

/** Files of the directory that do not belong to the lab stay. */
export async function buildSite(directory: string): Promise<void> {
  await build({
    ...COMMON,
    oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
    worker: { format: 'es' },
    build: {
      outDir: directory,
      emptyOutDir: false,
      target: 'es2023',
      // A strict Content-Security-Policy allows no addresses with data in them.
      assetsInlineLimit: 0,
      modulePreload: false,
    },
  })
}

export async function serveSite(directory: string, port: number): Promise<Site> {
  const server = await preview({
    ...COMMON,
    build: { outDir: directory },
    preview: { host: '127.0.0.1', port, strictPort: true },
  })
  return { close: () => server.close() }
}
