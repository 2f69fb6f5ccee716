"""An LMS database with the tables an import reads, by the columns and defaults of its schema, for tests.

After doc/lms.pgsql of chilek/lms (MACs, tariffs, taxes and all others as there, price variants as its later
upgrades add them); columns that nothing reads are left out, so that a word too many shows.
"""

from datetime import UTC, date, datetime

TABLES = """
CREATE TABLE users (id integer PRIMARY KEY, login varchar(32) NOT NULL DEFAULT '',
    firstname varchar(64) NOT NULL DEFAULT '', lastname varchar(64) NOT NULL DEFAULT '');
CREATE TABLE uiconfig (id serial PRIMARY KEY, section varchar(64) NOT NULL DEFAULT '',
    var varchar(64) NOT NULL DEFAULT '', value text NOT NULL DEFAULT '', disabled smallint NOT NULL DEFAULT 0,
    userid integer, divisionid integer);
CREATE TABLE countries (id integer PRIMARY KEY, name varchar(255) NOT NULL DEFAULT '', ccode varchar(5));
CREATE TABLE addresses (id integer PRIMARY KEY, name text, state varchar(64), city varchar(100),
    street varchar(255), zip varchar(10), country_id integer, house varchar(20), flat varchar(20));
CREATE TABLE customers (id integer PRIMARY KEY, extid varchar(32) NOT NULL DEFAULT '',
    lastname varchar(128) NOT NULL DEFAULT '', name varchar(128) NOT NULL DEFAULT '',
    status smallint NOT NULL DEFAULT 0, type smallint NOT NULL DEFAULT 0, ten varchar(50) NOT NULL DEFAULT '',
    info text NOT NULL DEFAULT '', notes text NOT NULL DEFAULT '', creationdate integer NOT NULL DEFAULT 0,
    deleted smallint NOT NULL DEFAULT 0, message text NOT NULL DEFAULT '', cutoffstop integer NOT NULL DEFAULT 0,
    paytime smallint NOT NULL DEFAULT -1);
CREATE TABLE customer_addresses (id serial PRIMARY KEY, customer_id integer, address_id integer, type smallint,
    UNIQUE (customer_id, address_id));
CREATE TABLE customercontacts (id serial PRIMARY KEY, customerid integer NOT NULL,
    name varchar(255) NOT NULL DEFAULT '', contact varchar(255) NOT NULL DEFAULT '', type integer);
CREATE TABLE taxes (id integer PRIMARY KEY, value numeric(4,2) NOT NULL DEFAULT 0,
    taxed smallint NOT NULL DEFAULT 0, label varchar(16) NOT NULL DEFAULT '',
    validfrom integer NOT NULL DEFAULT 0, validto integer NOT NULL DEFAULT 0,
    reversecharge smallint NOT NULL DEFAULT 0);
CREATE TABLE tariffs (id integer PRIMARY KEY, name varchar(255) NOT NULL DEFAULT '',
    type smallint NOT NULL DEFAULT 1, value numeric(9,2) NOT NULL DEFAULT 0, period smallint,
    taxid integer NOT NULL REFERENCES taxes (id),
    uprate integer NOT NULL DEFAULT 0, upceil integer NOT NULL DEFAULT 0, downrate integer NOT NULL DEFAULT 0,
    downceil integer NOT NULL DEFAULT 0, disabled smallint NOT NULL DEFAULT 0, currency varchar(3),
    flags smallint NOT NULL DEFAULT 0, netvalue numeric(9,2), UNIQUE (name, value, currency, period));
CREATE TABLE tariffpricevariants (id serial PRIMARY KEY, tariffid integer NOT NULL REFERENCES tariffs (id),
    quantity_threshold integer NOT NULL, net_price numeric(12,5), gross_price numeric(12,5));
CREATE TABLE liabilities (id integer PRIMARY KEY, value numeric(9,2) NOT NULL DEFAULT 0, currency varchar(3),
    name text NOT NULL DEFAULT '', taxid integer NOT NULL REFERENCES taxes (id),
    type smallint NOT NULL DEFAULT -1, flags smallint NOT NULL DEFAULT 0, netvalue numeric(9,2));
CREATE TABLE assignments (id serial PRIMARY KEY, tariffid integer REFERENCES tariffs (id),
    liabilityid integer REFERENCES liabilities (id), customerid integer NOT NULL REFERENCES customers (id),
    period smallint NOT NULL DEFAULT 0, backwardperiod smallint NOT NULL DEFAULT 0,
    at integer NOT NULL DEFAULT 0, datefrom integer NOT NULL DEFAULT 0, dateto integer NOT NULL DEFAULT 0,
    invoice smallint NOT NULL DEFAULT 0, suspended smallint NOT NULL DEFAULT 0,
    settlement smallint NOT NULL DEFAULT 0,
    pdiscount numeric(5,2) NOT NULL DEFAULT 0, vdiscount numeric(9,2) NOT NULL DEFAULT 0,
    commited smallint NOT NULL DEFAULT 1, count numeric(9,3) NOT NULL DEFAULT 1);
CREATE TABLE documents (id integer PRIMARY KEY, type smallint NOT NULL DEFAULT 0,
    number integer NOT NULL DEFAULT 0, fullnumber varchar(50), cdate integer NOT NULL DEFAULT 0,
    paytime smallint NOT NULL DEFAULT 0, customerid integer);
CREATE TABLE cash (id serial PRIMARY KEY, time integer NOT NULL DEFAULT 0, type smallint NOT NULL DEFAULT 0,
    userid integer, value numeric(9,2) NOT NULL DEFAULT 0, taxid integer, customerid integer,
    comment text NOT NULL DEFAULT '', docid integer, itemid smallint NOT NULL DEFAULT 0,
    importid integer UNIQUE, sourceid integer, currency varchar(3), currencyvalue numeric(17,10) DEFAULT 1.0);
CREATE TABLE vlans (id smallint PRIMARY KEY, vlanid smallint NOT NULL);
CREATE TABLE networks (id integer PRIMARY KEY, name varchar(255) NOT NULL DEFAULT '',
    address bigint NOT NULL DEFAULT 0, mask varchar(16) NOT NULL DEFAULT '', vlanid smallint);
CREATE TABLE nodes (id integer PRIMARY KEY, name varchar(32) NOT NULL DEFAULT '', login varchar(128),
    authtype smallint NOT NULL DEFAULT 0,
    ipaddr bigint NOT NULL DEFAULT 0, ipaddr_pub bigint NOT NULL DEFAULT 0, ownerid integer,
    access smallint NOT NULL DEFAULT 1, warning smallint NOT NULL DEFAULT 0,
    netid integer NOT NULL DEFAULT 0 REFERENCES networks (id), UNIQUE (ipaddr, netid));
CREATE TABLE macs (id serial PRIMARY KEY, mac varchar(17) NOT NULL DEFAULT '',
    nodeid integer NOT NULL REFERENCES nodes (id), UNIQUE (mac, nodeid));
CREATE TABLE nodeassignments (id serial PRIMARY KEY, nodeid integer NOT NULL REFERENCES nodes (id),
    assignmentid integer NOT NULL REFERENCES assignments (id), UNIQUE (nodeid, assignmentid))
"""


def at(year: int, month: int, day: int) -> int:
    """Return noon of a day as LMS counts time."""
    return int(datetime(year, month, day, 12, tzinfo=UTC).timestamp())


def ip(text: str) -> int:
    """Return an address as LMS keeps it."""
    parts = [int(part) for part in text.split(".")]
    return (parts[0] << 24) + (parts[1] << 16) + (parts[2] << 8) + parts[3]


OPENING = date(2026, 12, 1)

# What trips up: each customer has his own trap. Sums are worked out by hand in the test.
TRICKY = f"""
INSERT INTO users VALUES (1, 'ania', 'Anna', 'Nowak');
INSERT INTO countries VALUES (1, 'Poland', 'pl_PL');
INSERT INTO taxes (id, value, taxed, label) VALUES (1, 23, 1, '23%'), (2, 0, 0, 'zw.'), (3, 0, 1, '0%');
INSERT INTO uiconfig (section, var, value, userid) VALUES ('finances', 'suspension_percentage', '20', NULL),
    ('payments', 'suspension_percentage', '50', NULL), ('payments', 'suspension_percentage', '70', 1);
INSERT INTO tariffs (id, name, value, period, taxid, downceil, upceil) VALUES
    (1, 'Net 100', 60.00, 3, 1, 100000, 20000), (2, 'Yearly', 600.00, 5, 1, 0, 0),
    (3, 'Quarter', 100.00, 4, 1, 0, 0), (4, 'Rebate', -5.00, 3, 1, 0, 0), (5, 'TV', 33.33, 3, 2, 0, 0),
    (7, 'Sockets', 50.00, 3, 3, 0, 0);
INSERT INTO tariffs (id, name, value, period, taxid, flags, netvalue) VALUES
    (6, 'Office', 123.00, 3, 1, 16, 100.00);
INSERT INTO tariffpricevariants (tariffid, quantity_threshold, net_price, gross_price) VALUES
    (7, 4, 40.00, 40.00), (7, 9, 30.00, 30.00);
INSERT INTO liabilities (id, value, name, taxid, flags, netvalue) VALUES
    (1, 150.00, 'Router', 1, 0, NULL), (2, 9.99, 'Rent', 1, 0, NULL), (3, 123.00, 'Mast', 1, 16, 100.00);
INSERT INTO customers (id, lastname, name, status, type, deleted, ten, paytime) VALUES
    (1, 'Kowalski', 'Jan', 3, 0, 0, '', 21), (2, 'ACME Sp. z o.o.', '', 3, 1, 0, '525-000', -1),
    (3, 'Gone', 'Deleted', 3, 0, 1, '', -1), (4, 'Holiday', 'Away', 3, 0, 0, '', -1),
    (5, 'Debtor', 'Hunted', 5, 0, 0, '', -1), (6, 'Left', 'Long', 4, 0, 0, '', -1),
    (7, 'Maybe', 'Later', 1, 0, 0, '', -1), (8, 'Foreign', 'Money', 3, 0, 0, '', -1),
    (9, 'Żółw', 'Ąę', 2, 0, 0, '', -1),
    (10, 'Paper Shop', '', 0, 2, 0, '', -1), (11, 'Office S.A.', '', 3, 1, 0, '111-22', 7);
INSERT INTO addresses (id, city, street, zip, country_id, house, flat) VALUES
    (1, 'Kraków', 'Długa', '30-001', 1, '5', '7'), (2, 'Wólka', NULL, '05-001', 1, '12', NULL),
    (3, 'Gdańsk', 'Morska', '80-001', 1, '1', NULL);
INSERT INTO customer_addresses (customer_id, address_id, type) VALUES (1, 1, 1), (1, 2, 3), (1, 3, 4), (2, 1, 1);
INSERT INTO customercontacts (customerid, name, contact, type) VALUES
    (1, 'home', '+48 601 123 456', 1), (1, '', 'jan@example.com', 24), (2, '', 'ring twice', 4),
    (1, 'old', '+48 601 999 999', 16385);
INSERT INTO networks VALUES (1, 'lan', {ip("10.1.0.0")}, '255.255.0.0', NULL),
    (2, 'inside', {ip("10.1.5.0")}, '255.255.255.0', NULL);
INSERT INTO nodes (id, name, ipaddr, ownerid, access, netid) VALUES
    (1, 'jan', {ip("10.1.0.5")}, 1, 1, 1), (2, 'off', {ip("10.1.0.6")}, 8, 0, 1),
    (3, 'lost', {ip("192.0.2.9")}, 1, 1, 1), (4, 'gear', {ip("10.1.0.1")}, NULL, 1, 1);
INSERT INTO nodes (id, name, login, authtype, ownerid, netid, ipaddr) VALUES
    (5, 'two words', NULL, 1, 5, 1, 0), (6, 'again', 'jan', 3, 2, 2, 0);
UPDATE nodes SET authtype = 3 WHERE id IN (1, 3);
UPDATE nodes SET login = ' foreign@ppp ' WHERE id = 2;
INSERT INTO macs (mac, nodeid) VALUES ('AA:BB:CC:00:00:01', 1);
INSERT INTO assignments (customerid, tariffid, period, at, pdiscount, vdiscount, count, backwardperiod) VALUES
    (1, 1, 3, 15, 10, 0, 1, 0), (1, 5, 3, 1, 0, 3.33, 2, 0), (2, 2, 5, 60, 0, 0, 1, 0),
    (2, 3, 3, 10, 0, 0, 1, 0), (2, 3, 4, 105, 0, 0, 1, 1), (5, 1, 3, 1, 33.33, 0.01, 1, 0),
    (6, 1, 3, 1, 0, 0, 1, 0), (8, 4, 3, 1, 0, 0, 1, 0), (8, 1, 3, 28, 0, 0, 1.5, 0),
    (11, 6, 3, 1, 10, 0, 3, 0), (11, 6, 3, 1, 0, 0.50, 1.5, 0), (11, 7, 3, 1, 0, 0, 5, 0), (11, 7, 3, 1, 0, 0, 4, 0);
INSERT INTO assignments (customerid, tariffid, period, at, datefrom, dateto) VALUES
    (1, 1, 3, 1, {at(2020, 1, 1)}, {at(2024, 1, 1)}), (4, 1, 3, 1, {at(2025, 3, 1)}, 0);
INSERT INTO assignments (customerid, tariffid, liabilityid, datefrom, dateto) VALUES
    (4, NULL, NULL, {at(2026, 11, 1)}, {at(2027, 1, 31)}),
    (11, NULL, NULL, {at(2027, 5, 1)}, 0);
INSERT INTO assignments (customerid, liabilityid, period, at) VALUES
    (1, 1, 0, {at(2026, 12, 20)}), (1, 1, 0, {at(2026, 10, 20)}), (1, 2, 3, 5),
    (11, 3, 0, {at(2026, 12, 3)});
INSERT INTO nodeassignments (nodeid, assignmentid) VALUES (1, 1), (6, 3);
INSERT INTO documents (id, type, number, fullnumber, paytime, customerid) VALUES
    (1, 1, 7, '7/LMS/2026', 14, 1), (2, 3, 8, '8/KOR/2026', 14, 1), (3, 2, 9, 'KP/9', 0, 1);
INSERT INTO cash (time, type, userid, value, customerid, comment, docid) VALUES
    ({at(2026, 10, 1)}, 0, NULL, -60.00, 1, 'Net 100', 1), ({at(2026, 10, 2)}, 0, 1, 10.00, 1, 'Correction', 2),
    ({at(2026, 10, 9)}, 1, 1, 20.00, 1, 'Cash', 3), ({at(2026, 10, 10)}, 1, 1, -5.00, 1, 'Paid out', NULL),
    ({at(2026, 10, 10)}, 1, 1, 0.00, 1, 'Nothing', NULL), ({at(2026, 9, 1)}, 1, 1, 700.00, 2, 'Transfer', NULL),
    ({at(2020, 9, 1)}, 0, NULL, -33.10, 3, 'Old debt', NULL), ({at(2026, 9, 1)}, 0, 1, 12.00, NULL, 'Ours', NULL);
INSERT INTO cash (time, type, value, customerid, currency, currencyvalue) VALUES
    ({at(2026, 8, 1)}, 0, -10.01, 8, 'USD', 3.9555), ({at(2026, 8, 2)}, 1, 10.01, 8, 'USD', 4.0444),
    ({at(2026, 8, 3)}, 0, -0.03, 8, 'USD', 0.1666), ({at(2026, 8, 4)}, 0, -1.00, 8, 'PLN', 1)
"""
