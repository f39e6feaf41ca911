/**
 * What this browser keeps: the component and packages, whose addresses have their digests in them,
 * so that an address always means the same bytes. Nothing is written before the first answer is
 * there: writing would take time from it. Where there is no Cache Storage (a page that is not
 * secure), every byte comes from the network.
 */

/** The name of the cache, which the service worker tidies. */
export const BYTES = 'bytes';

/** Addresses that came from the network and are not kept yet. */
const fresh = new Set<string>();

/** One reading of several files. */
export class Store {
  readonly #had = new Set<string>();
  #missed = false;

  private constructor(private readonly cache: Cache | undefined) {}

  /** Opens the cache, where there is one. */
  static async open(): Promise<Store> {
    const storage = globalThis.caches as CacheStorage | undefined;
    return new Store(await storage?.open(BYTES).catch(() => undefined));
  }

  /** The response of an address, from the cache or else the network. */
  readonly open = async (url: URL): Promise<Response> => {
    const kept = await this.cache?.match(url);
    if (kept) {
      this.#had.add(url.href);
      return kept;
    }
    this.#missed = true;
    const response = await fetch(url);
    if (response.ok) {
      fresh.add(url.href);
    }
    return response;
  };

  /** Keeps what has come from the network. It is in the browser's own cache still, as a rule. */
  async keep(): Promise<void> {
    for (const address of fresh) {
      fresh.delete(address);
      // A full disk is no reason to fail.
      await this.cache?.add(new Request(address, { cache: 'force-cache' })).catch(() => {});
    }
  }

  /** Whether an address was answered from the cache. */
  had(url: URL): boolean {
    return this.#had.has(url.href);
  }

  /** Whether every address was. */
  get hadAll(): boolean {
    return !this.#missed;
  }

  /** Drops what the cache answered for an address; whether there was something. */
  async forget(url: URL): Promise<boolean> {
    return this.had(url) && (await this.cache?.delete(url)) === true;
  }
}
