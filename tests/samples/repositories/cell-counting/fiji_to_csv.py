'''Turn Fiji's table into ours.'''
import csv, sys

rows = csv.reader(open(sys.argv[1], 'rU'), delimiter='\t')
out = csv.writer(sys.stdout)
for row in rows:
    if row and row[0] <> '':
        out.writerow(map(str.strip, row))
print >>sys.stderr, 'done'
