/** The list of all models; a check chooses one by name. */
import { causalModel } from './causal-model.ts'
import { counterModel } from './counter-model.ts'
import { casRegisterModel, kvModel, registerModel } from './linear-models.ts'
import { sessionModel } from './session-model.ts'
import { setModel } from './set-model.ts'
import { siblingsModel } from './siblings-model.ts'
import type { Model } from '../verdict/verdict.ts'

export const MODELS: readonly Model[] = [
  registerModel,
  casRegisterModel,
  kvModel,
  setModel,
  siblingsModel,
  counterModel,
  causalModel,
  sessionModel,
]

export function modelNamed(name: string): Model | undefined {
  return MODELS.find((model) => model.name === name)
}
