/** A camera as the browser lists it. */
export interface Camera {
  id: string
  label: string
}

/** Chosen where no particular camera is, or can be: a page sees their ids only once it may use one. */
export const anyCamera = 'any'

/** The cameras that there are; without labels, and as one, until the visitor has allowed one. */
export async function cameras(): Promise<Camera[]> {
  const devices = await navigator.mediaDevices.enumerateDevices()
  const found = devices.filter(({ kind }) => kind === 'videoinput')
  if (found.some(({ deviceId }) => !deviceId)) return [{ id: anyCamera, label: 'Camera' }]
  return found.map(({ deviceId, label }, index) => ({
    id: deviceId,
    label: label || `Camera ${index + 1}`,
  }))
}

/**
 * Turns a camera on, with the microphone where there is one.
 *
 * @param release - turns off the one that is on, where the device cannot have two on at once
 * @throws DOMException where the visitor does not allow it, or there is no such camera
 */
export async function openCamera(id: string, release: () => void): Promise<MediaStream> {
  const video = id === anyCamera ? true : { deviceId: { exact: id } }
  const open = (audio: boolean) => navigator.mediaDevices.getUserMedia({ video, audio })
  try {
    return await open(true)
  } catch (error) {
    const name = error instanceof DOMException ? error.name : ''
    if (name === 'NotReadableError') {
      release()
      return open(true)
    }
    // a device without a microphone
    if (name === 'NotFoundError') return open(false)
    throw error
  }
}

export function closeCamera(stream: MediaStream | undefined): void {
  for (const track of stream?.getTracks() ?? []) track.stop()
}
