// A federated JupyterLab extension, written by hand: no build step.
// JupyterLab calls `init` with the modules that it shares, then `get` for the plugin.
"use strict";

(() => {
  const RECONNECT_MS = 1000;
  let shared;

  async function load(name) {
    const versions = Object.values(shared[name]);
    return (await versions[0].get())();
  }

  /** Saves a notebook's document; executions that end during a save cause one more. */
  class Saver {
    constructor() {
      this._running = new WeakMap();
    }

    save(context) {
      const running = this._running.get(context);
      if (running) {
        running.again = true;
        return running.done;
      }
      const state = { again: false };
      this._running.set(context, state);
      state.done = this._run(context, state);
      return state.done;
    }

    async _run(context, state) {
      try {
        do {
          state.again = false;
          await context.ready;
          await context.save();
        } while (state.again && !context.isDisposed);
      } catch (error) {
        console.warn("Trailmark could not save", context.path, error);
      } finally {
        this._running.delete(context);
      }
    }
  }

  /** The documents that are open in the main area. */
  class Documents {
    constructor(app, saver) {
      this._app = app;
      this._saver = saver;
    }

    *contexts() {
      const seen = new Set();
      for (const widget of this._app.shell.widgets("main")) {
        const context = widget.context;
        if (context && typeof context.revert === "function" && !seen.has(context)) {
          seen.add(context);
          yield context;
        }
      }
    }

    async saveAll() {
      const dirty = [...this.contexts()].filter((context) => context.model.dirty);
      await Promise.all(dirty.map((context) => this._saver.save(context)));
    }

    /** Reload the documents whose file has changed; returns those that hold unsaved changes and were left. */
    async reloadChanged() {
      const left = [];
      for (const context of this.contexts()) {
        if (!(await this._hasChanged(context))) {
          continue;
        }
        if (context.model.dirty) {
          left.push(context);
        } else {
          await context.revert();
        }
      }
      return left;
    }

    async _hasChanged(context) {
      const known = context.contentsModel;
      if (!known) {
        return false;
      }
      try {
        const found = await this._app.serviceManager.contents.get(context.path, {
          content: false,
          hash: Boolean(known.hash),
        });
        return known.hash && found.hash ? known.hash !== found.hash : known.last_modified !== found.last_modified;
      } catch (error) {
        return false;
      }
    }
  }

  /** The words in the status bar. */
  class Indicator {
    constructor(Widget) {
      this.widget = new Widget();
      this.widget.id = "trailmark-status";
      this.widget.addClass("jp-StatusBar-TextItem");
      this.widget.node.setAttribute("role", "status");
      this.show("Trail: connecting", "Trailmark is being reached", true);
    }

    show(text, explanation, isWarning) {
      const node = this.widget.node;
      node.textContent = text;
      node.title = explanation;
      node.style.padding = "0 6px";
      node.style.background = isWarning ? "var(--jp-warn-color0, #a15c00)" : "";
      node.style.color = isWarning ? "#ffffff" : "";
    }
  }

  /** The channel to Trailmark's server extension; while it is open, the server knows that we save. */
  class Channel {
    constructor(settings, receive, lost) {
      this._settings = settings;
      this._receive = receive;
      this._lost = lost;
      this._open();
    }

    send(message) {
      if (this._socket.readyState === this._settings.WebSocket.OPEN) {
        this._socket.send(JSON.stringify(message));
      }
    }

    _open() {
      const { wsUrl, token, appendToken, WebSocket } = this._settings;
      const query = appendToken && token ? `?token=${encodeURIComponent(token)}` : "";
      this._socket = new WebSocket(`${wsUrl.replace(/\/?$/, "/")}trailmark/lab${query}`);
      this._socket.onmessage = (event) => this._receive(JSON.parse(event.data));
      this._socket.onclose = () => {
        this._lost();
        setTimeout(() => this._open(), RECONNECT_MS);
      };
    }
  }

  function restartKernels(app, tracker) {
    const kernels = new Map();
    tracker.forEach((panel) => {
      const kernel = panel.sessionContext.session && panel.sessionContext.session.kernel;
      if (kernel) {
        kernels.set(kernel.id, kernel);
      }
    });
    return Promise.all([...kernels.values()].map((kernel) => kernel.restart()));
  }

  async function showNotice(notice, app, tracker, documents, Notification) {
    const left = notice.reload ? await documents.reloadChanged() : [];
    const actions = left.map((context) => ({
      label: `Reload ${context.path.split("/").pop()}`,
      callback: () => context.revert(),
    }));
    if (notice.restart) {
      actions.push({
        label: "Restart kernel",
        displayType: "accent",
        callback: () => restartKernels(app, tracker),
      });
    }
    Notification.info(notice.message, { actions, autoClose: actions.length ? false : 8000 });
  }

  function showState(state, indicator, Notification) {
    if (state.recording) {
      indicator.show("Trail: recording", "Trailmark keeps what you run", false);
      return;
    }
    indicator.show("Trail: not recording", `The trail cannot be written: ${state.problem}`, true);
    Notification.error(
      `Trailmark cannot write the trail: ${state.problem}. What you run is held in memory until it can.`,
      { autoClose: false }
    );
  }

  async function makePlugin() {
    const names = ["@jupyterlab/notebook", "@jupyterlab/apputils", "@jupyterlab/statusbar", "@lumino/widgets"];
    const [notebook, apputils, statusbar, widgets] = await Promise.all(names.map(load));
    return {
      id: "trailmark:plugin",
      description: "Keeps the trail of what is run here.",
      autoStart: true,
      requires: [notebook.INotebookTracker],
      optional: [statusbar.IStatusBar],
      activate: (app, tracker, statusBar) => {
        const saver = new Saver();
        const documents = new Documents(app, saver);
        const indicator = new Indicator(widgets.Widget);
        if (statusBar) {
          statusBar.registerStatusItem("trailmark:status", { item: indicator.widget, align: "left", rank: 90 });
        }
        const channel = new Channel(
          app.serviceManager.serverSettings,
          async (message) => {
            if (message.type === "state") {
              showState(message, indicator, apputils.Notification);
            } else if (message.type === "notice") {
              await showNotice(message, app, tracker, documents, apputils.Notification);
            } else if (message.type === "save") {
              await documents.saveAll();
              channel.send({ saved: message.number });
            }
          },
          () => indicator.show("Trail: not connected", "The server of this session does not answer", true)
        );
        notebook.NotebookActions.executed.connect((_, executed) => {
          const panel = tracker.find((candidate) => candidate.content === executed.notebook);
          if (panel) {
            void saver.save(panel.context);
          }
        });
      },
    };
  }

  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB.trailmark = {
    init: (scope) => {
      shared = scope;
    },
    get: async () => {
      const plugin = await makePlugin();
      return () => ({ __esModule: true, default: plugin });
    },
  };
})();
