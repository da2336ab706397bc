/** The package as a user installs it: compiled, in a `node_modules`, where Node.js runs no TypeScript. */
import { execFileSync, spawnSync } from 'node:child_process'
import {
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { importsOf } from '../tidy/import-rules.ts'
import { PROJECT_ROOT } from '../tidy/project-files.ts'

export class InstalledPackage {
  readonly #directory: string
  readonly #installed: string

  /** Compiles one project of src. `beside` are other packages of the user. */
  constructor(project: string, beside: readonly string[] = []) {
    this.#directory = mkdtempSync(join(tmpdir(), 'quorate-package-'))
    const modules = join(this.#directory, 'node_modules')
    this.#installed = join(modules, 'quorate')
    mkdirSync(this.#installed, { recursive: true })
    for (const name of beside) {
      symlinkSync(join(PROJECT_ROOT, 'node_modules', name), join(modules, name), 'junction')
    }
    const config = join(PROJECT_ROOT, 'src', project, 'tsconfig.json')
    compile(config, '--outDir', join(this.#installed, 'dist'))
    const manifest = readFileSync(join(PROJECT_ROOT, 'package.json'), 'utf8')
    writeFileSync(join(this.#installed, 'package.json'), manifest)
  }

  /** The installed files. */
  files(pattern: string): readonly string[] {
    return globSync(pattern, { cwd: this.#installed })
  }

  /** What the installed files import. */
  imports(): readonly string[] {
    return this.files('dist/**/*.js').flatMap((file) =>
      importsOf(readFileSync(join(this.#installed, file), 'utf8')),
    )
  }

  /** Compiles a program of the user. Throws what the compiler complains of. */
  check(program: string, compilerOptions: Readonly<Record<string, unknown>>): void {
    const config = join(this.#directory, 'tsconfig.json')
    writeFileSync(join(this.#directory, 'program.mts'), program)
    writeFileSync(config, JSON.stringify({ compilerOptions, files: ['program.mts'] }))
    compile(config)
  }

  /** Runs a program of the user. Returns what it prints. */
  run(program: string): string {
    writeFileSync(join(this.#directory, 'program.mjs'), program)
    const options = { cwd: this.#directory, encoding: 'utf8' } as const
    return execFileSync(process.execPath, ['program.mjs'], options)
  }

  remove(): void {
    rmSync(this.#directory, { recursive: true, force: true })
  }
}

function compile(config: string, ...options: readonly string[]): void {
  const tsc = join(PROJECT_ROOT, 'node_modules/typescript/bin/tsc')
  const argv = [tsc, '--project', config, ...options]
  const { status, stdout } = spawnSync(process.execPath, argv, { encoding: 'utf8' })
  if (status !== 0) throw new Error(stdout)
}
