// The simulated Slack: sends what a person does, and keeps the page fresh.
(() => {
  'use strict';
  const $ = (selector, from) => (from || document).querySelector(selector);
  const all = (selector, from) => [...(from || document).querySelectorAll(selector)];
  const body = document.body;
  const me = body.dataset.as;
  const channel = body.dataset.channel;
  const talk = $('#talk');
  let seen = body.dataset.seen;

  // -- what is said to the person outside the conversation
  let hush;
  const toast = text => {
    $('#toast').textContent = text || '';
    clearTimeout(hush);
    if (text) hush = setTimeout(() => toast(''), 7000);
  };

  // -- acts
  const act = async words => {
    try {
      const answer = await fetch('/_slack/act', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ user: me, ...words }),
      });
      const said = await answer.json();
      if (said.error) toast(said.error.message);
      return said;
    } catch {
      toast('The simulator cannot be reached.');
      return {};
    } finally {
      refresh();
    }
  };

  const busy = async (button, work) => {
    if (button.getAttribute('aria-busy') === 'true') return;
    button.setAttribute('aria-busy', 'true');
    try {
      await work();
    } finally {
      button.removeAttribute('aria-busy');
    }
  };

  // -- news
  let asking = null;
  let again = false;
  const refresh = () => {
    again = true;
    asking ||= (async () => {
      while (again) {
        again = false;
        await look();
      }
      asking = null;
    })();
    return asking;
  };

  const look = async () => {
    const query = new URLSearchParams({ as: me, channel, seen });
    let answer;
    try {
      answer = await fetch('/_slack/parts?' + query);
    } catch {
      return;
    }
    if (answer.status !== 200) return;
    const parts = await answer.json();
    seen = parts.seen;
    swap($('#places'), parts.places);
    const before = all('.post,.reply', talk).length;
    swap(talk, parts.talk);
    const more = all('.post,.reply', talk).length - before;
    if (more > 0) $('#heard').textContent = more === 1 ? 'A new message' : more + ' new messages';
    swapLayer(parts.layer);
    news();
  };

  const held = new WeakMap();
  const swap = (region, html) => {
    if (held.get(region) === html) return;
    held.set(region, html);
    const atEnd = region.scrollHeight - region.scrollTop - region.clientHeight < 80;
    const focus = region.contains(document.activeElement)
      ? document.activeElement.dataset.click || document.activeElement.dataset.place
      : null;
    region.innerHTML = html;
    if (focus) all('[data-click],[data-place]', region).find(one => (one.dataset.click || one.dataset.place) === focus)?.focus();
    if (region === talk && atEnd) talk.scrollTop = talk.scrollHeight;
  };

  // -- a dot at every conversation with something that this person has not seen
  const read = () => {
    try { return JSON.parse(sessionStorage.getItem('read ' + me)) || {}; } catch { return {}; }
  };
  const news = () => {
    const known = read();
    for (const place of all('[data-place]')) {
      const { place: id, newest } = place.dataset;
      if (id === channel) known[id] = newest;
      $('.dot', place).hidden = !newest || id === channel || (known[id] || '') >= newest;
    }
    try { sessionStorage.setItem('read ' + me, JSON.stringify(known)); } catch { /* private window */ }
  };

  // -- modals
  const swapLayer = html => {
    const layer = $('#layer');
    const fresh = document.createElement('div');
    fresh.innerHTML = html;
    const next = $('dialog', fresh);
    const old = $('dialog', layer);
    if (next && old && next.dataset.key === old.dataset.key) return;
    const same = next && old && next.dataset.view === old.dataset.view;
    const kept = same ? new Map(all('[data-block]', old).map(one => [one.id, one.value])) : new Map();
    const focus = same && old.contains(document.activeElement) ? document.activeElement.id : null;
    const scroll = same ? $('.in-modal', old).scrollTop : 0;
    layer.replaceChildren(...fresh.childNodes);
    if (!next) return;
    for (const one of all('[data-block]', next)) if (kept.has(one.id)) one.value = kept.get(one.id);
    showModal(next, focus);
    $('.in-modal', next).scrollTop = scroll;
  };
  const showModal = (modal, focus) => {
    modal.showModal();
    const wrong = $('[aria-invalid=true]', modal);
    (wrong || (focus && document.getElementById(focus)) || $('.in-modal .in', modal))?.focus();
  };

  const close = () => {
    const modal = $('#modal');
    if (modal) act({ close: { view_id: modal.dataset.view } });
  };

  const submit = async modal => {
    const values = {};
    for (const one of all('[data-block]', modal)) {
      // Slack holds a time in seconds; the browser writes it in its own zone
      const time = one.type === 'datetime-local' && one.value;
      (values[one.dataset.block] ||= {})[one.dataset.action] = time ? Date.parse(time) / 1000 : one.value;
    }
    const said = await act({ submit: { view_id: modal.dataset.view, values } });
    const line = $('#modal-err');
    if (line) line.textContent = said.seen || '';
  };

  // -- a question before a press
  const ask = question => new Promise(resolve => {
    const dialog = $('#ask');
    $('#ask-h').textContent = question.title;
    $('#ask-t').textContent = question.text;
    const [no, yes] = all('button', dialog);
    no.textContent = question.deny;
    yes.textContent = question.confirm;
    dialog.returnValue = '';
    dialog.onclose = () => resolve(dialog.returnValue === 'yes');
    dialog.showModal();
  });

  const press = async button => {
    const click = JSON.parse(button.dataset.click);
    if (button.dataset.ask) click.confirm = await ask(JSON.parse(button.dataset.ask));
    await busy(button, async () => {
      const said = await act({ click });
      if (said.seen) toast(said.seen);
      if (said.opens && /^https?:/.test(said.opens)) window.open(said.opens, '_blank', 'noopener');
    });
  };

  // -- selects that are searched
  const fill = (combo, options) => {
    const list = $('.list', combo);
    list.replaceChildren(...options.map((option, index) => {
      const item = document.createElement('li');
      item.setAttribute('role', 'option');
      item.id = list.id + '-' + index;
      item.dataset.value = option.value;
      item.textContent = option.text.text;
      return item;
    }));
  };
  const showList = (combo, on, note) => {
    const list = $('.list', combo);
    const input = $('input', combo);
    $('.none', list)?.remove();
    if (on && note) {
      const item = document.createElement('li');
      item.className = 'none';
      item.textContent = note;
      list.append(item);
    }
    list.hidden = !on;
    input.setAttribute('aria-expanded', String(on));
    if (!on) input.removeAttribute('aria-activedescendant');
  };
  const shownItems = combo => all('[role=option]', combo).filter(one => !one.hidden);
  const mark = (combo, item) => {
    for (const one of all('[aria-selected]', combo)) one.removeAttribute('aria-selected');
    if (!item) return;
    item.setAttribute('aria-selected', 'true');
    item.id ||= $('.list', combo).id + '-' + all('[role=option]', combo).indexOf(item);
    $('input', combo).setAttribute('aria-activedescendant', item.id);
    item.scrollIntoView({ block: 'nearest' });
  };
  let turn = 0;
  const search = async (combo, query) => {
    if (!('remote' in combo.dataset)) {
      const wanted = query.toLowerCase();
      for (const item of all('[role=option]', combo)) item.hidden = !item.textContent.toLowerCase().includes(wanted);
      showList(combo, true, shownItems(combo).length ? '' : 'No results');
      mark(combo, shownItems(combo)[0]);
      return;
    }
    const least = Number(combo.dataset.remote);
    if (query.length < least) {
      fill(combo, []);
      showList(combo, true, `Type at least ${least} letters`);
      return;
    }
    const mine = ++turn;
    const said = await act({ type: { ...JSON.parse(combo.dataset.combo), query } });
    if (mine !== turn) return;
    fill(combo, said.options || []);
    showList(combo, true, (said.options || []).length ? '' : said.seen || 'No results');
    mark(combo, shownItems(combo)[0]);
  };
  // -- several in one select: what is chosen stands below it
  const chosenOf = combo => combo.parentElement.querySelector('[data-chosen]');
  const tellChosen = async combo => {
    const value = all('li', chosenOf(combo)).map(one => one.dataset.value);
    const said = await act({ choose: { ...JSON.parse(combo.dataset.combo), value } });
    if (said.seen) toast(said.seen);
  };
  const chooseOneMore = (combo, item) => {
    const list = chosenOf(combo);
    $('input', combo).value = '';
    showList(combo, false);
    if (all('li', list).some(one => one.dataset.value === item.dataset.value)) return;
    const line = document.createElement('li');
    line.dataset.value = item.dataset.value;
    const words = document.createElement('span');
    words.textContent = item.textContent;
    const back = document.createElement('button');
    back.type = 'button';
    back.className = 'btn';
    back.dataset.unchoose = '';
    back.setAttribute('aria-label', 'Take back ' + item.textContent);
    back.textContent = '×';
    line.append(words, ' ', back);
    list.append(line);
    tellChosen(combo);
  };
  const choose = async (combo, item) => {
    if (chosenOf(combo)) return void chooseOneMore(combo, item);
    const input = $('input', combo);
    input.value = item.textContent;
    input.dataset.chosen = item.textContent;
    showList(combo, false);
    const said = await act({ choose: { ...JSON.parse(combo.dataset.combo), value: item.dataset.value } });
    if (said.seen) toast(said.seen);
  };

  let pause;
  document.addEventListener('input', event => {
    const combo = event.target.closest('[data-combo]');
    if (!combo) return;
    clearTimeout(pause);
    const wait = 'remote' in combo.dataset ? 150 : 0;
    pause = setTimeout(() => search(combo, event.target.value), wait);
  });
  document.addEventListener('focusin', event => {
    for (const combo of all('[data-combo]')) if (!combo.contains(event.target)) showList(combo, false);
    const combo = event.target.closest('[data-combo]');
    if (combo && event.target.matches('input')) event.target.select();
  });
  document.addEventListener('keydown', event => {
    const combo = event.target.closest('[data-combo]');
    if (!combo) return;
    const open = !$('.list', combo).hidden;
    const items = shownItems(combo);
    const at = items.findIndex(one => one.getAttribute('aria-selected') === 'true');
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      if (!open) search(combo, '');
      else mark(combo, items[(at + (event.key === 'ArrowDown' ? 1 : items.length - 1)) % items.length]);
    } else if (event.key === 'Enter') {
      event.preventDefault();
      if (open && items[at]) choose(combo, items[at]);
    } else if (event.key === 'Escape' && open) {
      event.preventDefault();
      event.stopPropagation();
      showList(combo, false);
    }
  });

  // -- presses
  // the focus stays in the field: moving it would close the list before the click arrives
  document.addEventListener('mousedown', event => {
    if (event.target.closest('.list')) event.preventDefault();
  });
  document.addEventListener('click', event => {
    const item = event.target.closest('.list [role=option]');
    if (item) return void choose(item.closest('[data-combo]'), item);
    const field = event.target.closest('[data-combo] input');
    if (field && $('.list', field.parentElement).hidden) return void search(field.parentElement, '');
    const button = event.target.closest('button');
    const menu = $('.menu');
    if (menu?.open && !menu.contains(event.target)) menu.open = false;
    if (!button) return;
    if ('unchoose' in button.dataset) {
      const combo = button.closest('[data-chosen]').parentElement.querySelector('[data-combo]');
      button.closest('li').remove();
      $('input', combo).focus();
      tellChosen(combo);
      return;
    }
    if (button.dataset.click) press(button);
    if ('close' in button.dataset) close();
    if (button.dataset.shortcut) {
      menu.open = false;
      busy(button, async () => {
        const said = await act({ shortcut: button.dataset.shortcut });
        if (said.seen) toast(said.seen);
      });
    }
  });
  document.addEventListener('change', event => {
    const target = event.target;
    if (target.id === 'as') location.search = new URLSearchParams({ as: target.value, channel });
    if (target.dataset.choose) {
      act({ choose: { ...JSON.parse(target.dataset.choose), value: target.value } })
        .then(said => said.seen && toast(said.seen));
    }
  });
  document.addEventListener('submit', event => {
    const modal = event.target.closest('#modal');
    if (modal) {
      event.preventDefault();
      busy($('.foot .go', modal), () => submit(modal));
    } else if (event.target.id === 'say') {
      event.preventDefault();
      const box = $('#cmd');
      const [command, ...rest] = box.value.trim().split(/\s+/);
      if (!command.startsWith('/')) return void toast('Only slash commands reach the app, such as /access.');
      box.value = '';
      busy($('button', event.target), async () => {
        const said = await act({ command, text: rest.join(' '), ...(channel ? { channel } : {}) });
        if (said.seen) toast(said.seen);
      });
    }
  });
  document.addEventListener('cancel', event => {
    if (event.target.id !== 'modal') return;
    event.preventDefault();
    close();
  }, true);
  document.addEventListener('keydown', event => {
    const menu = $('.menu');
    if (event.key === 'Escape' && menu?.open) {
      menu.open = false;
      $('summary', menu).focus();
    }
  });

  held.set(talk, talk.innerHTML);
  talk.scrollTop = talk.scrollHeight;
  if ($('#modal')) showModal($('#modal'));
  news();
  setInterval(() => { if (!document.hidden) refresh(); }, 1000);
  document.addEventListener('visibilitychange', () => { if (!document.hidden) refresh(); });
})();
