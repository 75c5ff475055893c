import { chownSync } from 'node:fs'
import { dirname } from 'node:path'
import { messageTree } from '../../core/capture/explain.ts'
import { findMessages } from '../../core/capture/find.ts'
import type { MessageSource } from '../../core/capture/source.ts'
import type { AppSnapshot, TunnelSnapshot } from '../../core/contract/snapshot.ts'
import type { VpnFailure } from '../../core/errors.ts'
import { captureOf } from '../../core/manager/capture.ts'
import { controlPath } from '../../core/manager/control-protocol.ts'
import { type ControlServer, serveControl } from '../../core/manager/control-server.ts'
import { type LoggedMessage, MessageLog } from '../../core/manager/message-log.ts'
import { kept } from '../support/kept.ts'

export const PROFILES: AppSnapshot['profiles'] = [
  {
    id: 'marine',
    name: 'Lindqvist Marine',
    folder: 'Work',
    gateway: 'vpn.lindqvist.example',
    signIn: 'IKEv2, pre-shared key',
    saved: [],
  },
  {
    id: 'harbour',
    name: 'Harbour Authority 港 \u202e<b>',
    folder: undefined,
    gateway: '198.51.100.7',
    signIn: 'IKEv2, pre-shared key',
    saved: [],
  },
]

/**
 * A Culvert of this user that "runs already", on the real control socket: the app follows it. It carries no tunnels and
 * says what the test tells it to, so that every state of the window can be seen.
 */
export class ScriptedCulvert {
  readonly asked: string[] = []
  /** Secrets that arrived, by name. */
  readonly secrets: Record<string, string> = {}
  refuse: VpnFailure | undefined
  /** By profile. */
  readonly messages = new Map<string, readonly LoggedMessage[] | MessageSource>()
  #snapshot: AppSnapshot = { revision: 1, profiles: PROFILES, tunnels: [], prompts: [] }
  #listeners = new Set<{ changed(): void }>()
  #control: ControlServer | undefined

  async serve(home: string, owner: number | undefined): Promise<void> {
    const path = controlPath(home)
    this.#control = await serveControl(path, {
      snapshot: () => this.#snapshot,
      subscribe: (listener) => {
        this.#listeners.add(listener)
        return () => this.#listeners.delete(listener)
      },
      connect: async (profile, secrets) => {
        this.asked.push(`connect ${profile}`)
        for (const [name, secret] of secrets) {
          this.secrets[name] = secret.use((bytes) => Buffer.from(bytes).toString('utf8'))
          secret.close()
        }
        if (this.refuse !== undefined) throw this.refuse
      },
      attend: () => () => {},
      answer: () => false,
      cancel: () => false,
      disconnect: async (profile) => {
        this.asked.push(`disconnect ${profile}`)
        return 1
      },
      messages: async (profile, after, most) => this.#messagesOf(profile).lines(after, most),
      tree: async (profile, number) => messageTree(this.#messagesOf(profile), number),
      find: async (profile, wanted, after) => findMessages(this.#messagesOf(profile), wanted, after),
      capture: async (profile) => captureOf(profile, this.#logOf(profile)),
      retry: (profile) => {
        this.asked.push(`retry ${profile}`)
        return true
      },
      letOut: async (profile) => {
        this.asked.push(`let out ${profile}`)
        return ['it']
      },
    })
    if (owner !== undefined) for (const one of [path, dirname(path)]) chownSync(one, owner, owner)
  }

  #messagesOf(profile: string): MessageSource {
    const told = this.messages.get(profile) ?? []
    return 'lines' in told ? told : kept(told)
  }

  #logOf(profile: string): MessageLog {
    const log = new MessageLog()
    const told = this.messages.get(profile) ?? []
    if (!('lines' in told)) for (const { message, atMs, path } of told) log.add(message, atMs, path)
    return log
  }

  /** The tunnels as they are from now on. */
  say(...tunnels: readonly TunnelSnapshot[]): void {
    this.#snapshot = { ...this.#snapshot, revision: this.#snapshot.revision + 1, tunnels }
    for (const listener of this.#listeners) listener.changed()
  }

  /** New counters, which change without a word. */
  quietly(...tunnels: readonly TunnelSnapshot[]): void {
    this.#snapshot = { ...this.#snapshot, tunnels }
  }

  /** Questions to the person. They come with this snapshot as if this window's own process asked. */
  prompts(prompts: AppSnapshot['prompts']): void {
    this.#snapshot = { ...this.#snapshot, prompts }
    this.say(...this.#snapshot.tunnels)
  }

  profiles(profiles: AppSnapshot['profiles']): void {
    this.#snapshot = { ...this.#snapshot, profiles }
    this.say(...this.#snapshot.tunnels)
  }

  async close(): Promise<void> {
    await this.#control?.close()
  }
}
