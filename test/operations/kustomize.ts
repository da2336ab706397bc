/** Runs the kustomize of kubectl, where kubectl is installed. */
import { execFileSync } from 'node:child_process'
import { delimiter, join } from 'node:path'
import { type KubernetesObject, parseObjects } from './kubernetes-objects.ts'

/** The path of the program; undefined if it is not installed. */
export const kubectl = (process.env['PATH'] ?? '')
  .split(delimiter)
  .map((path) => join(path, 'kubectl'))
  .find((path) => readableProgram(path))

function readableProgram(path: string): boolean {
  try {
    execFileSync(path, ['version', '--client'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** What kustomize makes of the folder. */
export function builtBy(folder: string): readonly KubernetesObject[] {
  return parseObjects(execFileSync(kubectl ?? '', ['kustomize', folder], { encoding: 'utf8' }))
}
