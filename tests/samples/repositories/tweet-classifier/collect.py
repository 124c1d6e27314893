# -*- coding: utf-8 -*-
import re
import time
from ConfigParser import SafeConfigParser
from HTMLParser import HTMLParser

import simplejson as json
import requests
from BeautifulSoup import BeautifulSoup

config = SafeConfigParser()
config.read('settings.ini')

def clean(html):
    text = u''.join(BeautifulSoup(html).findAll(text=True))
    return re.sub(ur'\s+', u' ', HTMLParser().unescape(text))

def collect(query, pages=5):
    for page in xrange(pages):
        answer = requests.get(config.get('api', 'url'), params={'q': query, 'page': page})
        for tweet in json.loads(answer.text)['results']:
            print tweet['id'], repr(clean(tweet['text']))
            yield tweet
        time.sleep(2)
