(() => {
  const cards = document.getElementById("cards");
  if (!cards) return;
  const all = [...cards.children];
  const search = document.getElementById("search");
  const kind = document.getElementById("kind");
  const order = document.getElementById("order");
  const shown = document.getElementById("shown");
  const compare = {
    order: (a, b) => a.dataset.order - b.dataset.order,
    name: (a, b) => a.dataset.name.localeCompare(b.dataset.name),
    strength: (a, b) => b.dataset.strength - a.dataset.strength,
    missing: (a, b) => b.dataset.missing - a.dataset.missing,
    distinct: (a, b) => b.dataset.distinct - a.dataset.distinct,
  };
  const update = () => {
    const wanted = search.value.trim().toLowerCase();
    let n = 0;
    for (const card of all) {
      const fits = card.dataset.name.includes(wanted) && (!kind.value || card.dataset.kind === kind.value);
      card.hidden = !fits;
      n += fits;
    }
    shown.value = n === all.length ? n + " columns" : n + " of " + all.length + " columns";
    cards.append(...[...all].sort((a, b) => compare[order.value](a, b) || compare.order(a, b)));
  };
  for (const control of [search, kind, order]) control.addEventListener("input", update);
  // A link to a card that the search hides brings it back.
  addEventListener("hashchange", () => {
    const card = document.getElementById(location.hash.slice(1));
    if (card && card.hidden) {
      search.value = "";
      kind.value = "";
      update();
      card.scrollIntoView();
    }
  });
})();
