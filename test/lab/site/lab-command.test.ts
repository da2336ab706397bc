/** `npm run lab`: the files that it writes, how it serves them, and what it says of wrong arguments. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { labCommand } from '../../../src/lab/lab-command.ts'
import { freePorts } from '../../../src/local-cluster/address-plan.ts'

const GZIP_BYTES_MAX = 350_000

interface Ended {
  readonly code: number
  readonly printed: readonly string[]
  readonly complained: readonly string[]
}

async function lab(...argv: readonly string[]): Promise<Ended> {
  const printed: string[] = []
  const complained: string[] = []
  const code = await labCommand(argv, {
    print: (line) => printed.push(line),
    complain: (line) => complained.push(line),
    stop: AbortSignal.abort(),
  })
  return { code, printed, complained }
}

describe('npm run lab -- --out', () => {
  let directory = ''
  let ended: Ended
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'quorate-lab-'))
    writeFileSync(join(directory, 'other.txt'), 'stays')
    ended = await lab('--out', directory)
  })
  afterAll(() => rmSync(directory, { recursive: true, force: true }))

  it('writes a page and files with hashed names, and leaves other files alone', () => {
    expect(ended).toMatchObject({ code: 0, complained: [] })
    expect(ended.printed[0]).toMatch(/^The lab is in .*Serve this folder with any web server\.$/)
    expect(readdirSync(directory).toSorted()).toEqual(['assets', 'index.html', 'other.txt'])
    for (const name of readdirSync(join(directory, 'assets'))) {
      expect(name).toMatch(/^[\w-]+-[\w-]{8}\.(?:js|css|svg)$/)
    }
  })

  it('writes a page with a strict policy, which names only files beside it', () => {
    const page = readFileSync(join(directory, 'index.html'), 'utf8')
    expect(page).toContain("default-src 'none'; script-src 'self'")
    expect(page).not.toMatch(/unsafe|<style|<script(?![^>]* src=)/)
    const addresses = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address]) => address)
    expect(addresses.length).toBeGreaterThan(2)
    for (const address of addresses) expect(address).toMatch(/^\.\/assets\//)
  })

  it('writes little', () => {
    const names = readdirSync(join(directory, 'assets'))
    const sizes = names.map(
      (name) => gzipSync(readFileSync(join(directory, 'assets', name))).length,
    )
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(GZIP_BYTES_MAX)
  })
})

it('npm run lab serves it until it is stopped', async () => {
  const [port = 0] = await freePorts(1)
  expect(await lab('--port', String(port))).toEqual({
    code: 0,
    printed: [`The lab is on http://localhost:${port}/. Ctrl-C stops it.`],
    complained: [],
  })
})

it.each([
  [['--port', '0'], '--port'],
  [['--out'], '--out needs a value'],
  [['--out', 'x', '--port', '8091'], '--out does not go with --port'],
  [['--outt', 'x'], 'there is no option --outt'],
])('wrong arguments are told: %j', async (argv, message) => {
  const { code, complained } = await lab(...argv)
  expect(code).toBe(2)
  expect(complained[0]).toContain(message)
})

it('help lists the options', async () => {
  const { code, printed } = await lab('--help')
  expect(code).toBe(0)
  expect(printed.join('\n')).toMatch(/--out DIR[^]*--port/)
})
