import { mkdtempSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createPinoLog } from '../../../src/adapters/log/pino-log.ts'
import { PemFiles } from '../../../src/adapters/tls/pem-files.ts'
import { TestAuthority, writeFiles } from '../../certificates/test-authority.ts'

const authority = new TestAuthority()
const other = new TestAuthority()
const [first, second] = [authority.issue(['n1']), authority.issue(['n1'])]
/** Levels of pino. */
const [INFO, WARN, ERROR] = [30, 40, 50]
/** Looks are requested by the tests themselves. */
const NEVER_MS = 3_600_000

let folder: string
let lines: string[]
const opened: PemFiles[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'quorate-pem-'))
  lines = []
  write({ ...first, ca: authority.cert })
})
afterEach(() => {
  for (const files of opened.splice(0)) files.stop()
  rmSync(folder, { recursive: true, force: true })
})

const pathOf = (name: string): string => join(folder, `${name}.pem`)

function write(texts: { cert?: string; key?: string; ca?: string }): void {
  writeFiles(
    Object.fromEntries(Object.entries(texts).map(([name, content]) => [pathOf(name), content])),
  )
}

interface Opening {
  readonly name?: string
  readonly isMutual?: boolean
  readonly intervalMs?: number
  readonly at?: (part: string) => string
}

async function open({
  name,
  isMutual = false,
  intervalMs = NEVER_MS,
  at = pathOf,
}: Opening = {}): Promise<PemFiles> {
  const file = (part: string): { setting: string; path: string } => ({
    setting: part.toUpperCase(),
    path: at(part),
  })
  const destination = { write: (line: string) => void lines.push(line) }
  const files = await PemFiles.open({
    files: { cert: file('cert'), key: file('key'), ca: file('ca') },
    name,
    isMutual,
    intervalMs,
    log: createPinoLog({ node: 'n1', level: 'info', destination }),
  })
  opened.push(files)
  return files
}

/** A change counts at the second look that finds it. */
async function lookTwice(files: PemFiles): Promise<void> {
  await files.look()
  await files.look()
}

describe('PEM files that cannot be used', () => {
  const half = first.cert.slice(0, first.cert.length / 2)
  it.each([
    ['a missing certificate', (): void => rmSync(pathOf('cert')), 'CERT=', 'ENOENT'],
    ['an empty certificate', () => write({ cert: '' }), 'CERT=', 'no certificate'],
    ['half of a certificate', () => write({ cert: half }), 'CERT=', 'not complete'],
    ['a second half', () => write({ cert: first.cert + half }), 'CERT=', 'not complete'],
    ['a key that is none', () => write({ key: 'x' }), 'KEY=', 'no private key'],
    ['the key of another certificate', () => write({ key: second.key }), 'KEY=', 'not the key of'],
    ['a CA that is none', () => write({ ca: '# to do' }), 'CA=', 'no certificate'],
    ['a CA and half of one', () => write({ ca: authority.cert + half }), 'CA=', 'not complete'],
    ['a broken CA', () => write({ ca: broken(authority.cert) }), 'CA=', ''],
  ])('%s: is told, with the setting and the path', async (_what, spoil, setting, reason) => {
    spoil()
    const opening = open({ intervalMs: 1 })
    await expect(opening).rejects.toThrow(`${setting}${folder}`)
    await expect(opening).rejects.toThrow(reason)
  })

  it('may be replaced while the node starts', async () => {
    write({ cert: second.cert })
    const opening = open({ intervalMs: 5 })
    write({ key: second.key })
    expect((await opening).current()).toMatchObject(second)
  })

  it('must name the node exactly, as a DNS name', async () => {
    await open({ name: 'n1' })
    await expect(open({ name: 'n2', intervalMs: 1 })).rejects.toThrow('must name n2')
    for (const names of [['*'], ['*.n2'], ['n2.peer'], ['127.0.0.1'], []]) {
      write(authority.issue(names))
      await expect(open({ name: 'n2', intervalMs: 1 })).rejects.toThrow('must name n2')
    }
  })
})

describe('PEM files that change', () => {
  it('are used as soon as they are whole', async () => {
    const files = await open()
    const seen: boolean[] = []
    files.onChange((_material, isNewCa) => seen.push(isNewCa))
    write({ cert: second.cert })
    await lookTwice(files)
    expect(files.current().cert).toBe(first.cert)
    write({ key: second.key })
    await lookTwice(files)
    expect(files.current()).toMatchObject(second)
    await files.look()
    expect(seen).toEqual([false])
    // Nothing was wrong for so long that it is worth a warning.
    expect(lines.map(levelOf)).toEqual([INFO])
  })

  it('say that the CA is new only if it has other certificates', async () => {
    write({ ca: authority.cert + other.cert })
    const files = await open()
    const seen: boolean[] = []
    files.onChange((_material, isNewCa) => seen.push(isNewCa))
    for (const ca of [`# a note\n${other.cert}\n${authority.cert}`, other.cert]) {
      write({ ca })
      await lookTwice(files)
    }
    expect(seen).toEqual([false, true])
  })

  it('are not used while they are being written, even if the part looks whole', async () => {
    const both = `${authority.cert}${other.cert}`
    write({ ca: both })
    const files = await open()
    const seen: boolean[] = []
    files.onChange((_material, isNewCa) => seen.push(isNewCa))
    for (const ca of [authority.cert, both, other.cert, authority.cert, both]) {
      write({ ca })
      await files.look()
    }
    await files.look()
    expect(seen).toEqual([])
    expect(files.current().ca).toBe(both)
  })

  it('stay as they were while new ones are broken, and the log says so once', async () => {
    const files = await open()
    write({ cert: broken(second.cert), key: second.key })
    for (let i = 0; i < 4; i++) await files.look()
    expect(files.current()).toMatchObject(first)
    expect(lines.map(levelOf)).toEqual([WARN])
    expect(lines[0]).toContain(pathOf('cert'))
    write(second)
    await lookTwice(files)
    expect(files.current()).toMatchObject(second)
  })

  it('are noticed if they are written in place, also with the same length and time', async () => {
    const files = await open()
    const twins = [first, ...Array.from({ length: 20 }, () => authority.issue(['n1']))]
    const twin = twins.find((each) => each !== first && each.cert.length === first.cert.length)
    writeFileSync(pathOf('cert'), twin?.cert ?? second.cert)
    writeFileSync(pathOf('key'), twin?.key ?? second.key)
    await lookTwice(files)
    expect(files.current().cert).not.toBe(first.cert)
  })

  it('are noticed behind a symbolic link to their folder, as Kubernetes exchanges it', async () => {
    const version = (name: string, texts: Record<string, string>): void => {
      mkdirSync(join(folder, name))
      for (const [part, content] of Object.entries(texts)) {
        writeFileSync(join(folder, name, `${part}.pem`), content)
      }
      symlinkSync(name, join(folder, 'data.new'))
      renameSync(join(folder, 'data.new'), join(folder, 'data'))
    }
    version('1', { ...first, ca: authority.cert })
    const files = await open({
      intervalMs: 5,
      at: (part) => join(folder, 'data', `${part}.pem`),
    })
    const changed = new Promise<boolean>((resolve) => {
      files.onChange((_material, isNewCa) => resolve(isNewCa))
    })
    version('2', { ...second, ca: other.cert })
    expect(await changed).toBe(true)
    expect(files.current()).toMatchObject({ ...second, ca: other.cert })
  })
})

describe('a certificate that nodes show each other', () => {
  const EXPIRED = { validMs: -1000 }
  const expired = authority.issue(['n1'], EXPIRED)

  it.each([
    ['no CA of the file has signed', (): void => write({ ca: other.cert }), 'First add its CA'],
    ['is for servers alone', () => write(authority.issue(['n1'], { usages: ['server'] })), 'usage'],
    ['is for clients alone', () => write(authority.issue(['n1'], { usages: ['client'] })), 'usage'],
  ])('is refused at the start if it %s', async (_what, spoil, words) => {
    spoil()
    const opening = open({ isMutual: true, intervalMs: 1 })
    await expect(opening).rejects.toThrow(`CERT=${pathOf('cert')}: other nodes refuse it`)
    await expect(opening).rejects.toThrow(words)
  })

  it('is accepted whichever CA of the file has signed it', async () => {
    write({ ca: `${other.cert}${authority.cert}` })
    expect((await open({ isMutual: true })).current().cert).toBe(first.cert)
  })

  it('keeps a CA out that has not signed it, until both have changed', async () => {
    const files = await open({ isMutual: true })
    write({ ca: other.cert })
    for (let i = 0; i < 4; i++) await files.look()
    expect(files.current().ca).toBe(authority.cert)
    expect(lines.map(levelOf)).toEqual([WARN])
    expect(lines[0]).toContain('First add its CA')
    const next = other.issue(['n1'])
    write(next)
    await lookTwice(files)
    expect(files.current()).toMatchObject({ ...next, ca: other.cert })
  })

  it('does not replace a good one if it has expired', async () => {
    const files = await open({ isMutual: true })
    write(expired)
    for (let i = 0; i < 4; i++) await files.look()
    expect(files.current().cert).toBe(first.cert)
    expect(lines[0]).toContain('it has expired')
  })

  it('may have expired at the start, and keeps no new CA out', async () => {
    write(expired)
    const files = await open({ isMutual: true })
    expect(lines.map(levelOf)).toEqual([ERROR])
    const both = `${authority.cert}${other.cert}`
    write({ ca: both })
    await lookTwice(files)
    expect(files.current().ca).toBe(both)
  })
})

function levelOf(line: string): number {
  return (JSON.parse(line) as { level: number }).level
}

/** Whole as a PEM block, and no certificate. */
function broken(pem: string): string {
  const body = pem.split('\n')
  body[3] = 'A'.repeat(64)
  return body.join('\n')
}
