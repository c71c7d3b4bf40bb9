/** What the browser keeps of a visitor between visits. */
export interface Remembered {
  name: string
  /** Id of a camera; '' where it is off. */
  camera: string
}

const place = 'video-call'

/** What was kept; a name is made up where there is none yet. */
export function recall(): Remembered {
  const fresh = { name: `Guest ${Math.floor(Math.random() * 90 + 10)}`, camera: '' }
  try {
    const kept = JSON.parse(localStorage.getItem(place) ?? '{}') as Partial<Remembered>
    return {
      name: typeof kept.name === 'string' && kept.name ? kept.name : fresh.name,
      camera: typeof kept.camera === 'string' ? kept.camera : '',
    }
  } catch {
    // a browser that keeps nothing, or something else was kept there
    return fresh
  }
}

export function remember(what: Remembered): void {
  try {
    localStorage.setItem(place, JSON.stringify(what))
  } catch {
    // then the next visit begins anew
  }
}
