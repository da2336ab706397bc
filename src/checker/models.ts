/** The models there are, by the name they are chosen by. */
import { setModel } from './set-model.ts'
import { siblingsModel } from './siblings-model.ts'
import type { Model } from './verdict.ts'

export const MODELS: readonly Model[] = [setModel, siblingsModel]

export function modelNamed(name: string): Model | undefined {
  return MODELS.find((model) => model.name === name)
}
