/** What shells complete, from the same table as the help. */
import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { CHAOS_COMMAND } from '../../src/chaos/chaos-arguments.ts'
import { COMMANDS, PROGRAM } from '../../src/cli/program.ts'
import { commandsOf } from '../../src/command-line/program.ts'
import { quorate } from './cli-run.ts'

const tables = { chaos: CHAOS_COMMAND }
const NAMES = Object.keys(commandsOf(PROGRAM))

async function scriptFor(shell: string): Promise<string> {
  const { code, printed } = await quorate(['completion', shell], { tables })
  expect(code).toBe(0)
  return printed
}

describe('bash', () => {
  test.each([
    ['', NAMES],
    ['sib', ['siblings']],
    ['get --cons', ['--consistency']],
    ['get default k --consistency e', ['eventual']],
    ['put default k v --timeout ', []],
    ['--json get --sib', ['--sibling']],
    ['plan ', expect.arrayContaining(['join', 'leave', 'replace', 'remove', '--lost', '--help'])],
    ['completion ', ['bash', 'zsh', 'fish', '--help']],
    ['chaos part', ['partition']],
    ['chaos heal --target ', ['docker', 'local']],
    ['resolve default k --file packag', expect.arrayContaining(['package.json'])],
  ])('completes "quorate %s"', async (line, expected) => {
    const script = await scriptFor('bash')
    const words = ['quorate', ...line.split(' ')]
    const program = [
      script,
      `COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')})`,
      `COMP_CWORD=${words.length - 1}`,
      '_quorate',
      'printf "%s\\n" "${COMPREPLY[@]}"',
    ].join('\n')
    const { stdout, stderr } = spawnSync('bash', ['-c', program], { encoding: 'utf8' })
    expect(stderr).toBe('')
    const found = stdout.split('\n').filter((name) => name !== '')
    expect(found).toEqual(expected)
  })
})

describe.each(['zsh', 'fish'])('%s', (shell) => {
  const isThere = spawnSync(shell, ['--version']).error === undefined

  test('knows every command and every option', async () => {
    const script = await scriptFor(shell)
    for (const [name, { table }] of Object.entries(COMMANDS)) {
      expect(script).toContain(name)
      for (const option of Object.keys(table.options)) {
        expect(script).toContain(shell === 'fish' ? ` -l ${option} ` : `'--${option}:`)
      }
    }
  })

  test.skipIf(!isThere)(
    'accepts the script (skipped where the shell is not installed)',
    async () => {
      const { stderr } = spawnSync(shell, ['-n'], {
        input: await scriptFor(shell),
        encoding: 'utf8',
      })
      expect(stderr).toBe('')
    },
  )
})

test('there is no script for another shell', async () => {
  expect(await quorate('completion tcsh')).toMatchObject({
    code: 2,
    complained: expect.stringContaining('SHELL tcsh: must be one of bash, zsh, fish'),
  })
})
