-- Which values are numbers is told by the same function as for new ones; what
-- SQLite itself takes for numbers is more.
UPDATE run_params SET number = number_of(value) WHERE number_of(value) IS NOT NULL;
