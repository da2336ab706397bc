/** Saves a file that takes the place of an older one only once it is whole and on the disk. */
import { open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

export async function saveFile(path: string, pieces: AsyncIterable<Uint8Array>): Promise<void> {
  const part = `${path}.part`
  const file = await open(part, 'w')
  try {
    try {
      for await (const piece of pieces) await file.writeFile(piece)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(part, path)
  } catch (error) {
    await rm(part, { force: true })
    throw error
  }
  await syncFolder(dirname(path))
}

/** Otherwise a crash of the machine could undo the renaming. Windows cannot open a folder. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const folder = await open(path)
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
