import type { Millis } from '../../bytes/brands.ts'
import type { Answer, IkeAction, IkeEvent, State, Step } from '../session.ts'
import type { Negotiation } from './negotiation.ts'

type Asking = Extract<IkeAction, { do: 'sign' | 'verifyChain' | 'ask' | 'tls' }>
type Unnumbered<T> = T extends { id: number } ? Omit<T, 'id'> : never

/** Waits for somebody outside the protocol: a key, a calendar, a person. Other events are the asker's. */
export class AwaitAnswer implements State {
  readonly name: string
  readonly #id: number
  readonly #then: (answer: Answer, now: Millis) => Step
  readonly #otherwise: (event: IkeEvent, self: State, now: Millis) => Step

  private constructor(
    name: string,
    id: number,
    then: (answer: Answer, now: Millis) => Step,
    otherwise: (event: IkeEvent, self: State, now: Millis) => Step,
  ) {
    this.name = name
    this.#id = id
    this.#then = then
    this.#otherwise = otherwise
  }

  /** Asks, and waits under this name. `otherwise` decides what else may happen meanwhile. */
  static begin(
    n: Negotiation,
    name: string,
    asking: Unnumbered<Asking>,
    then: (answer: Answer, now: Millis) => Step,
    otherwise: (event: IkeEvent, self: State, now: Millis) => Step,
  ): Step {
    const id = n.nextQuestion()
    n.act({ ...asking, id } as Asking)
    return { next: new AwaitAnswer(name, id, then, otherwise), actions: n.take() }
  }

  handle(event: IkeEvent, now: Millis): Step {
    if (event.type === 'answered' && event.id === this.#id) return this.#then(event.answer, now)
    return this.#otherwise(event, this, now)
  }
}
