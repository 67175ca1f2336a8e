// The little that this extension uses of the browsers' interface for extensions.

interface ExtensionEvent<T extends unknown[]> {
  addListener(listener: (...values: T) => void): void;
}

interface ExtensionMessage {
  /** What the bridge does, to whoever shows it. */
  view?: import("./bridging.js").View;
  /** From a page that wants to know, or that has changed something. */
  look?: boolean;
}

declare const chrome: {
  action: {
    setBadgeBackgroundColor(details: { color: string }): Promise<void>;
    setBadgeText(details: { text: string }): Promise<void>;
    setBadgeTextColor(details: { color: string }): Promise<void>;
    setIcon(details: { path: { [size: string]: string } }): Promise<void>;
    setTitle(details: { title: string }): Promise<void>;
  };
  alarms: {
    clear(name: string): Promise<boolean>;
    create(name: string, details: { periodInMinutes: number }): void;
    onAlarm: ExtensionEvent<[]>;
  };
  offscreen: {
    createDocument(details: { url: string; reasons: string[]; justification: string }): Promise<void>;
  };
  runtime: {
    getContexts(filter: { contextTypes: string[] }): Promise<unknown[]>;
    onInstalled: ExtensionEvent<[]>;
    onMessage: ExtensionEvent<[ExtensionMessage]>;
    onStartup: ExtensionEvent<[]>;
    sendMessage(message: ExtensionMessage): Promise<void>;
  };
};
