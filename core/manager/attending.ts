/** Who sits at another terminal and answers what the gateway of a profile asks. */
export class Attending {
  readonly #by = new Map<string, number>()

  has(profile: string): boolean {
    return (this.#by.get(profile) ?? 0) > 0
  }

  /** → how to leave; leaving twice is leaving once. */
  enter(profile: string): () => void {
    this.#by.set(profile, (this.#by.get(profile) ?? 0) + 1)
    let there = true
    return () => {
      if (!there) return
      there = false
      const left = (this.#by.get(profile) ?? 1) - 1
      if (left > 0) this.#by.set(profile, left)
      else this.#by.delete(profile)
    }
  }
}
