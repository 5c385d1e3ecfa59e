// Tables of the class "sortable" are sorted by a column when its title is pressed: by the number
// that a cell begins with, or by text; empty cells come last.
for (const table of document.querySelectorAll('table.sortable')) {
  const titles = [...table.tHead.rows[0].cells];
  titles.forEach((title, column) => {
    const button = document.createElement('button');
    button.append(...title.childNodes);
    title.append(button);
    button.addEventListener('click', () => {
      const down = title.getAttribute('aria-sort') === 'ascending';
      titles.forEach((other) => other.removeAttribute('aria-sort'));
      title.setAttribute('aria-sort', down ? 'descending' : 'ascending');
      const text = (row) => row.cells[column].textContent.trim();
      const order = (one, other) => {
        const numbers = [parseFloat(one), parseFloat(other)];
        return numbers.some(Number.isNaN) ? one.localeCompare(other) : numbers[0] - numbers[1];
      };
      for (const body of table.tBodies) {
        const rows = [...body.rows].sort((one, other) => {
          if (!text(one) || !text(other)) return !text(one) - !text(other);
          return (down ? -1 : 1) * order(text(one), text(other));
        });
        body.append(...rows);
      }
    });
  });
}
