import { describe, expect, it } from 'vitest'
import { createPinoLog } from '../../../src/adapters/log/pino-log.ts'

describe('log', () => {
  it('writes one JSON object a line with the node, the fields and the message, from its level up', () => {
    const lines: string[] = []
    const destination = { write: (line: string) => void lines.push(line) }
    const log = createPinoLog({ node: 'n1', level: 'warn', destination })
    log.debug({}, 'too small')
    log.info({}, 'small')
    log.warn({ peer: 'n2', ms: 12, owners: ['n1', 'n3'] }, 'line\nbreak')
    log.error({ reason: undefined }, 'large')
    expect(lines.every((line) => line.indexOf('\n') === line.length - 1)).toBe(true)
    const [warning, error] = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(warning).toMatchObject({
      level: 40,
      node: 'n1',
      peer: 'n2',
      ms: 12,
      owners: ['n1', 'n3'],
      msg: 'line\nbreak',
    })
    expect(error).toMatchObject({ level: 50, node: 'n1', msg: 'large' })
    expect(lines.length).toBe(2)
  })
})
