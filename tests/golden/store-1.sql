PRAGMA application_id = 1381322311;
PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE experiments (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    created TEXT NOT NULL,
    spec TEXT NOT NULL
);
INSERT INTO "experiments" VALUES(1,'finished','2026-11-22T20:43:12+00:00','{"metric":"score","mode":"max","milestones":[1,3,9],"scheduler":{"name":"pasha","min_resource":1,"max_resource":9,"eta":3},"searcher":{"name":"random"},"space":{"name":null,"hyperparameters":[{"type":"uniform_float","name":"rate","lower":0.01,"upper":0.5,"log":true},{"type":"categorical","name":"kind","choices":["holds","holds too","diverges","breaks"]}],"conditions":[],"forbiddens":[],"format_version":0.4},"training":{"kind":"function","module":"train","name":"train","file":"/home/someone/train.py"},"trials":12,"workers":2,"seed":3,"stop":"drain","unit":"epochs","points":[],"local":{"reuse_workers":false,"gpus":[],"per_gpu":1,"preload":[]},"of":null}');
INSERT INTO "experiments" VALUES(2,'asha-floor','2026-11-22T20:43:14+00:00','{"metric":"score","mode":"max","milestones":[1,3,9],"scheduler":{"name":"asha","min_resource":1,"max_resource":9,"eta":3},"searcher":{"name":"random"},"space":{"name":null,"hyperparameters":[{"type":"uniform_float","name":"rate","lower":0.01,"upper":0.5,"log":true},{"type":"categorical","name":"kind","choices":["holds","holds too","diverges","breaks"]}],"conditions":[],"forbiddens":[],"format_version":0.4},"training":{"kind":"function","module":"train","name":"train","file":"/home/someone/train.py"},"trials":6,"workers":1,"seed":4,"stop":"drain","unit":"units","points":[],"local":{"reuse_workers":false,"gpus":[],"per_gpu":1,"preload":[]},"of":null}');
INSERT INTO "experiments" VALUES(3,'broken-off','2026-11-22T20:43:15+00:00','{"metric":"score","mode":"max","milestones":[1,3,9],"scheduler":{"name":"pasha","min_resource":1,"max_resource":9,"eta":3},"searcher":{"name":"random"},"space":{"name":null,"hyperparameters":[{"type":"uniform_float","name":"rate","lower":0.01,"upper":0.5,"log":true},{"type":"categorical","name":"kind","choices":["holds","holds too"]}],"conditions":[],"forbiddens":[],"format_version":0.4},"training":{"kind":"function","module":"train","name":"train","file":"/home/someone/train.py"},"trials":6,"workers":2,"seed":5,"stop":"drain","unit":"units","points":[],"local":{"reuse_workers":false,"gpus":[],"per_gpu":1,"preload":[]},"of":null}');
CREATE TABLE records (
    key INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    at REAL CHECK (at <= 9e999),
    trial INTEGER CHECK (trial <= 9e999),
    resource INTEGER CHECK (resource <= 9e999),
    value REAL CHECK (value <= 9e999),
    rest TEXT
);
INSERT INTO "records" VALUES(1099511627777,'capacity',0.0,NULL,NULL,NULL,'{"slots":2}');
INSERT INTO "records" VALUES(1099511627778,'start',NULL,0,1,NULL,NULL);
INSERT INTO "records" VALUES(1099511627779,'launch',NULL,0,1,NULL,'{"configuration":{"rate":0.3473229503226394,"kind":"breaks"},"start":0,"slots":1,"seed":2340540091}');
INSERT INTO "records" VALUES(1099511627780,'start',NULL,1,1,NULL,NULL);
INSERT INTO "records" VALUES(1099511627781,'launch',NULL,1,1,NULL,'{"configuration":{"rate":0.10333293540036988,"kind":"holds"},"start":0,"slots":1,"seed":3287296134}');
INSERT INTO "records" VALUES(1099511627782,'reported',1.46965328700025565922e+00,0,1,-3.47322950322639378839e-01,'{"score":0.3473229503226394,"loss":0.6526770496773606}');
INSERT INTO "records" VALUES(1099511627783,'paused',1.4701837149987113662e+00,0,1,NULL,NULL);
INSERT INTO "records" VALUES(1099511627784,'start',NULL,2,1,NULL,NULL);
INSERT INTO "records" VALUES(1099511627785,'launch',NULL,2,1,NULL,'{"configuration":{"rate":0.024442497743479445,"kind":"holds"},"start":0,"slots":1,"seed":1757499806}');
INSERT INTO "records" VALUES(1099511627786,'reported',1.47477721700124675408e+00,1,1,-1.03332935400369876899e-01,'{"score":0.10333293540036988,"loss":0.8966670645996301}');
INSERT INTO "records" VALUES(1099511627787,'paused',1.47652525200101081281e+00,1,1,NULL,NULL);
INSERT INTO "records" VALUES(1099511627788,'start',NULL,3,1,NULL,NULL);
INSERT INTO "records" VALUES(1099511627789,'launch',NULL,3,1,NULL,'{"configuration":{"rate":0.3483480926514152,"kind":"holds too"},"start":0,"slots":1,"seed":1342897251}');
INSERT INTO "records" VALUES(1099511627790,'reported',1.47835777399814105592e+00,2,1,-2.44424977434794452046e-02,'{"score":0.024442497743479445,"loss":0.9755575022565206}');
INSERT INTO "records" VALUES(1099511627791,'paused',1.47966751499916426837e+00,2,1,NULL,NULL);
INSERT INTO "records" VALUES(1099511627792,'promote',NULL,0,3,NULL,NULL);
INSERT INTO "records" VALUES(1099511627793,'launch',NULL,0,3,NULL,'{"configuration":{"rate":0.3473229503226394,"kind":"breaks"},"start":1,"slots":1,"seed":2340540091}');
INSERT INTO "records" VALUES(1099511627794,'reported',1.48529908099953900091e+00,3,1,-3.48348092651415197629e-01,'{"score":0.3483480926514152,"loss":0.6516519073485848}');
INSERT INTO "records" VALUES(1099511627795,'paused',1.48804115299935801886e+00,3,1,NULL,NULL);
INSERT INTO "records" VALUES(1099511627796,'promote',NULL,3,3,NULL,NULL);
INSERT INTO "records" VALUES(1099511627797,'launch',NULL,3,3,NULL,'{"configuration":{"rate":0.3483480926514152,"kind":"holds too"},"start":1,"slots":1,"seed":1342897251}');
INSERT INTO "records" VALUES(1099511627798,'ended',1.48924162500043166801e+00,0,NULL,NULL,'{"reason":"failed","detail":"Traceback (most recent call last):\n  File \"/home/someone/train.py\", line 9, in train\n    raise ValueError(\"this configuration breaks at epoch 2\")\nValueError: this configuration breaks at epoch 2"}');
INSERT INTO "records" VALUES(1099511627799,'start',NULL,4,1,NULL,NULL);
INSERT INTO "records" VALUES(1099511627800,'launch',NULL,4,1,NULL,'{"configuration":{"rate":0.21537855215933538,"kind":"holds too"},"start":0,"slots":1,"seed":3836722149}');
INSERT INTO "records" VALUES(1099511627801,'reported',1.49544464900100138038e+00,3,2,-5.7534979164895139192e-01,'{"score":0.5753497916489514,"loss":0.4246502083510486}');
INSERT INTO "records" VALUES(1099511627802,'reported',1.49825842100108275189e+00,3,3,-7.23275881772065254438e-01,'{"score":0.7232758817720653,"loss":0.27672411822793475}');
INSERT INTO "records" VALUES(1099511627803,'reported',1.50003637199915829114e+00,4,1,-2.15378552159335379112e-01,'{"score":0.21537855215933538,"loss":0.7846214478406646}');
INSERT INTO "records" VALUES(1099511627804,'paused',1.50159059699944918975e+00,3,3,NULL,NULL);
INSERT INTO "records" VALUES(1099511627805,'start',NULL,5,1,NULL,NULL);
INSERT INTO "records" VALUES(1099511627806,'launch',NULL,5,1,NULL,'{"configuration":{"rate":0.012513476100152689,"kind":"diverges"},"start":0,"slots":1,"seed":1740100305}');
INSERT INTO "records" VALUES(1099511627807,'paused',1.50183996600026148371e+00,4,1,NULL,NULL);
INSERT INTO "records" VALUES(1099511627808,'start',NULL,6,1,NULL,NULL);
INSERT INTO "records" VALUES(1099511627809,'launch',NULL,6,1,NULL,'{"configuration":{"rate":0.030521679812917472,"kind":"holds too"},"start":0,"slots":1,"seed":711676948}');
INSERT INTO "records" VALUES(1099511627810,'reported',1.51277442100035841576e+00,5,1,-1.25134761001526890328e-02,'{"score":0.012513476100152689,"loss":0.9874865238998473}');
INSERT INTO "records" VALUES(1099511627811,'paused',1.51294431000133045017e+00,5,1,NULL,NULL);
INSERT INTO "records" VALUES(1099511627812,'start',NULL,7,1,NULL,NULL);
INSERT INTO "records" VALUES(1099511627813,'launch',NULL,7,1,NULL,'{"configuration":{"rate":0.29177561904046295,"kind":"holds"},"start":0,"slots":1,"seed":3318918939}');
INSERT INTO "records" VALUES(1099511627814,'reported',1.51627595600075437687e+00,6,1,-3.05216798129174723963e-02,'{"score":0.030521679812917472,"loss":0.9694783201870826}');
INSERT INTO "records" VALUES(1099511627815,'paused',1.5181024789999355562e+00,6,1,NULL,NULL);
INSERT INTO "records" VALUES(1099511627816,'start',NULL,8,1,NULL,NULL);
INSERT INTO "records" VALUES(1099511627817,'launch',NULL,8,1,NULL,'{"configuration":{"rate":0.16894836731064397,"kind":"diverges"},"start":0,"slots":1,"seed":1691819469}');
INSERT INTO "records" VALUES(1099511627818,'reported',1.52753631900122854858e+00,8,1,-1.68948367310643970951e-01,'{"score":0.16894836731064397,"loss":0.831051632689356}');
INSERT INTO "records" VALUES(1099511627819,'reported',1.52761946900136535987e+00,7,1,-2.9177561904046295238e-01,'{"score":0.29177561904046295,"loss":0.708224380959537}');
INSERT INTO "records" VALUES(1099511627820,'paused',1.52774125900032231584e+00,8,1,NULL,NULL);
INSERT INTO "records" VALUES(1099511627821,'promote',NULL,7,3,NULL,NULL);
INSERT INTO "records" VALUES(1099511627822,'paused',1.52798343899848987348e+00,7,1,NULL,NULL);
INSERT INTO "records" VALUES(1099511627823,'launch',NULL,7,3,NULL,'{"configuration":{"rate":0.29177561904046295,"kind":"holds"},"start":1,"slots":1,"seed":3318918939}');
INSERT INTO "records" VALUES(1099511627824,'start',NULL,9,1,NULL,NULL);
INSERT INTO "records" VALUES(1099511627825,'launch',NULL,9,1,NULL,'{"configuration":{"rate":0.3645312991872682,"kind":"diverges"},"start":0,"slots":1,"seed":1487576380}');
INSERT INTO "records" VALUES(1099511627826,'reported',1.53633522299787728115e+00,7,2,-4.98418226214480508673e-01,'{"score":0.4984182262144805,"loss":0.5015817737855195}');
INSERT INTO "records" VALUES(1099511627827,'reported',1.54226700900107971392e+00,7,3,-6.44767558760163894682e-01,'{"score":0.6447675587601639,"loss":0.3552324412398361}');
INSERT INTO "records" VALUES(1099511627828,'paused',1.54407551999975112266e+00,7,3,NULL,NULL);
INSERT INTO "records" VALUES(1099511627829,'start',NULL,10,1,NULL,NULL);
INSERT INTO "records" VALUES(1099511627830,'launch',NULL,10,1,NULL,'{"configuration":{"rate":0.010981222046957636,"kind":"holds"},"start":0,"slots":1,"seed":4286551136}');
INSERT INTO "records" VALUES(1099511627831,'reported',1.5480455350007105153e+00,9,1,-3.64531299187268176265e-01,'{"score":0.3645312991872682,"loss":0.6354687008127318}');
INSERT INTO "records" VALUES(1099511627832,'paused',1.54807026300113648176e+00,9,1,NULL,NULL);
INSERT INTO "records" VALUES(1099511627833,'promote',NULL,9,3,NULL,NULL);
INSERT INTO "records" VALUES(1099511627834,'launch',NULL,9,3,NULL,'{"configuration":{"rate":0.3645312991872682,"kind":"diverges"},"start":1,"slots":1,"seed":1487576380}');
INSERT INTO "records" VALUES(1099511627835,'reported',1.55401306400017347186e+00,10,1,-1.09812220469576362485e-02,'{"score":0.010981222046957636,"loss":0.9890187779530424}');
INSERT INTO "records" VALUES(1099511627836,'paused',1.5546357790008187294e+00,10,1,NULL,NULL);
INSERT INTO "records" VALUES(1099511627837,'start',NULL,11,1,NULL,NULL);
INSERT INTO "records" VALUES(1099511627838,'launch',NULL,11,1,NULL,'{"configuration":{"rate":0.08822370656731403,"kind":"diverges"},"start":0,"slots":1,"seed":671341546}');
INSERT INTO "records" VALUES(1099511627839,'reported',1.55663378999815904535e+00,9,2,-5.96179530287378689479e-01,'{"score":0.5961795302873787,"loss":0.4038204697126213}');
INSERT INTO "records" VALUES(1099511627840,'reported',1.55790841999987605959e+00,9,3,-7.43384730750133448928e-01,'{"score":0.7433847307501334,"loss":0.25661526924986655}');
INSERT INTO "records" VALUES(1099511627841,'paused',1.56130040599964559078e+00,9,3,NULL,NULL);
INSERT INTO "records" VALUES(1099511627842,'draining',1.56130040599964559078e+00,NULL,NULL,NULL,NULL);
INSERT INTO "records" VALUES(1099511627843,'reported',1.56479308200141531415e+00,11,1,-8.82237065673140280486e-02,'{"score":0.08822370656731403,"loss":0.911776293432686}');
INSERT INTO "records" VALUES(1099511627844,'paused',1.56483882600150536745e+00,11,1,NULL,NULL);
INSERT INTO "records" VALUES(1099511627845,'finish',NULL,NULL,NULL,NULL,'{"reason":"done"}');
INSERT INTO "records" VALUES(2199023255553,'capacity',0.0,NULL,NULL,NULL,'{"slots":1}');
INSERT INTO "records" VALUES(2199023255554,'start',NULL,0,1,NULL,NULL);
INSERT INTO "records" VALUES(2199023255555,'launch',NULL,0,1,NULL,'{"configuration":{"rate":0.030436432316520934,"kind":"breaks"},"start":0,"slots":1,"seed":504175817}');
INSERT INTO "records" VALUES(2199023255556,'reported',1.16280843001732137054e-01,0,1,-3.04364323165209338384e-02,'{"score":0.030436432316520934,"loss":0.9695635676834791}');
INSERT INTO "records" VALUES(2199023255557,'paused',1.17838117999781388789e-01,0,1,NULL,NULL);
INSERT INTO "records" VALUES(2199023255558,'start',NULL,1,1,NULL,NULL);
INSERT INTO "records" VALUES(2199023255559,'launch',NULL,1,1,NULL,'{"configuration":{"rate":0.43596750637622933,"kind":"holds"},"start":0,"slots":1,"seed":2675030418}');
INSERT INTO "records" VALUES(2199023255560,'reported',1.25040222999814432114e-01,1,1,-4.35967506376229330111e-01,'{"score":0.43596750637622933,"loss":0.5640324936237706}');
INSERT INTO "records" VALUES(2199023255561,'paused',1.26672880000114673748e-01,1,1,NULL,NULL);
INSERT INTO "records" VALUES(2199023255562,'start',NULL,2,1,NULL,NULL);
INSERT INTO "records" VALUES(2199023255563,'launch',NULL,2,1,NULL,'{"configuration":{"rate":0.06388003012033557,"kind":"breaks"},"start":0,"slots":1,"seed":1614137018}');
INSERT INTO "records" VALUES(2199023255564,'reported',1.33451265999610768631e-01,2,1,-6.3880030120335565269e-02,'{"score":0.06388003012033557,"loss":0.9361199698796644}');
INSERT INTO "records" VALUES(2199023255565,'paused',1.35162933001993224024e-01,2,1,NULL,NULL);
INSERT INTO "records" VALUES(2199023255566,'promote',NULL,1,3,NULL,NULL);
INSERT INTO "records" VALUES(2199023255567,'launch',NULL,1,3,NULL,'{"configuration":{"rate":0.43596750637622933,"kind":"holds"},"start":1,"slots":1,"seed":2675030418}');
INSERT INTO "records" VALUES(2199023255568,'reported',1.40629096000338904559e-01,1,2,-6.81867346136551089053e-01,'{"score":0.6818673461365511,"loss":0.3181326538634489}');
INSERT INTO "records" VALUES(2199023255569,'reported',1.42439957999158650636e-01,1,3,-0.820562845938251,'{"score":0.820562845938251,"loss":0.17943715406174898}');
INSERT INTO "records" VALUES(2199023255570,'paused',1.44080165999184828251e-01,1,3,NULL,NULL);
INSERT INTO "records" VALUES(2199023255571,'start',NULL,3,1,NULL,NULL);
INSERT INTO "records" VALUES(2199023255572,'launch',NULL,3,1,NULL,'{"configuration":{"rate":0.11681576237948599,"kind":"holds too"},"start":0,"slots":1,"seed":1138374912}');
INSERT INTO "records" VALUES(2199023255573,'reported',1.50632013999711489304e-01,3,1,-1.16815762379485987842e-01,'{"score":0.11681576237948599,"loss":0.883184237620514}');
INSERT INTO "records" VALUES(2199023255574,'paused',1.53173226000944850966e-01,3,1,NULL,NULL);
INSERT INTO "records" VALUES(2199023255575,'start',NULL,4,1,NULL,NULL);
INSERT INTO "records" VALUES(2199023255576,'launch',NULL,4,1,NULL,'{"configuration":{"rate":0.3999728155820789,"kind":"diverges"},"start":0,"slots":1,"seed":1818300757}');
INSERT INTO "records" VALUES(2199023255577,'reported',1.60026720001042122021e-01,4,1,-3.99972815582078922158e-01,'{"score":0.3999728155820789,"loss":0.600027184417921}');
INSERT INTO "records" VALUES(2199023255578,'paused',1.61530317000142531469e-01,4,1,NULL,NULL);
INSERT INTO "records" VALUES(2199023255579,'start',NULL,5,1,NULL,NULL);
INSERT INTO "records" VALUES(2199023255580,'launch',NULL,5,1,NULL,'{"configuration":{"rate":0.24448168640946397,"kind":"holds"},"start":0,"slots":1,"seed":2920411986}');
INSERT INTO "records" VALUES(2199023255581,'reported',1.69868147000670433044e-01,5,1,-2.44481686409463966347e-01,'{"score":0.24448168640946397,"loss":0.755518313590536}');
INSERT INTO "records" VALUES(2199023255582,'paused',1.70339868000155547633e-01,5,1,NULL,NULL);
INSERT INTO "records" VALUES(2199023255583,'draining',1.70339868000155547633e-01,NULL,NULL,NULL,NULL);
INSERT INTO "records" VALUES(2199023255584,'promote',NULL,4,3,NULL,NULL);
INSERT INTO "records" VALUES(2199023255585,'launch',NULL,4,3,NULL,'{"configuration":{"rate":0.3999728155820789,"kind":"diverges"},"start":1,"slots":1,"seed":1818300757}');
INSERT INTO "records" VALUES(2199023255586,'reported',1.75515337999968323856e-01,4,2,-6.39967377959502092821e-01,'{"score":0.6399673779595021,"loss":0.3600326220404979}');
INSERT INTO "records" VALUES(2199023255587,'reported',1.77173111002048244699e-01,4,3,-7.83970639498438481851e-01,'{"score":0.7839706394984385,"loss":0.21602936050156152}');
INSERT INTO "records" VALUES(2199023255588,'paused',1.78786225002113496884e-01,4,3,NULL,NULL);
INSERT INTO "records" VALUES(2199023255589,'finish',NULL,NULL,NULL,NULL,'{"reason":"done"}');
INSERT INTO "records" VALUES(3298534883329,'capacity',0.0,NULL,NULL,NULL,'{"slots":2}');
INSERT INTO "records" VALUES(3298534883330,'start',NULL,0,1,NULL,NULL);
INSERT INTO "records" VALUES(3298534883331,'launch',NULL,0,1,NULL,'{"configuration":{"rate":0.09173693974767945,"kind":"holds too"},"start":0,"slots":1,"seed":3509516835}');
INSERT INTO "records" VALUES(3298534883332,'start',NULL,1,1,NULL,NULL);
INSERT INTO "records" VALUES(3298534883333,'launch',NULL,1,1,NULL,'{"configuration":{"rate":0.06956295264154169,"kind":"holds too"},"start":0,"slots":1,"seed":3932294072}');
INSERT INTO "records" VALUES(3298534883334,'reported',1.93874547700033872388e+00,1,1,-6.95629526415416921114e-02,'{"score":0.06956295264154169,"loss":0.9304370473584583}');
INSERT INTO "records" VALUES(3298534883335,'paused',1.94023029500021948479e+00,1,1,NULL,NULL);
INSERT INTO "records" VALUES(3298534883336,'start',NULL,2,1,NULL,NULL);
INSERT INTO "records" VALUES(3298534883337,'launch',NULL,2,1,NULL,'{"configuration":{"rate":0.2156303828755621,"kind":"holds too"},"start":0,"slots":1,"seed":269397868}');
INSERT INTO "records" VALUES(3298534883338,'reported',1.94267756800036295317e+00,0,1,-9.1736939747679449586e-02,'{"score":0.09173693974767945,"loss":0.9082630602523205}');
INSERT INTO "records" VALUES(3298534883339,'paused',1.94270698500258731655e+00,0,1,NULL,NULL);
INSERT INTO "records" VALUES(3298534883340,'start',NULL,3,1,NULL,NULL);
INSERT INTO "records" VALUES(3298534883341,'launch',NULL,3,1,NULL,'{"configuration":{"rate":0.029586293398242206,"kind":"holds too"},"start":0,"slots":1,"seed":2615444639}');
INSERT INTO "records" VALUES(3298534883342,'reported',1.95088577500064275227e+00,3,1,-2.95862933982422061929e-02,'{"score":0.029586293398242206,"loss":0.9704137066017577}');
INSERT INTO "records" VALUES(3298534883343,'reported',1.95095672500247019343e+00,2,1,-2.15630382875562104372e-01,'{"score":0.2156303828755621,"loss":0.7843696171244379}');
INSERT INTO "records" VALUES(3298534883344,'paused',1.95225196799947298131e+00,3,1,NULL,NULL);
INSERT INTO "records" VALUES(3298534883345,'promote',NULL,2,3,NULL,NULL);
INSERT INTO "records" VALUES(3298534883346,'paused',1.95270802999948500655e+00,2,1,NULL,NULL);
INSERT INTO "records" VALUES(3298534883347,'launch',NULL,2,3,NULL,'{"configuration":{"rate":0.2156303828755621,"kind":"holds too"},"start":1,"slots":1,"seed":269397868}');
INSERT INTO "records" VALUES(3298534883348,'start',NULL,4,1,NULL,NULL);
INSERT INTO "records" VALUES(3298534883349,'launch',NULL,4,1,NULL,'{"configuration":{"rate":0.018225116885809748,"kind":"holds too"},"start":0,"slots":1,"seed":792042904}');
INSERT INTO "records" VALUES(3298534883350,'reported',1.95861367700126720592e+00,2,2,-3.84764303732062717955e-01,'{"score":0.3847643037320627,"loss":0.6152356962679373}');
INSERT INTO "records" VALUES(3298534883351,'reported',1.9619563529995502904e+00,4,1,-1.82251168858097480074e-02,'{"score":0.018225116885809748,"loss":0.9817748831141903}');
INSERT INTO "records" VALUES(3298534883352,'reported',1.96202571799949510022e+00,2,3,-5.17427812477031068283e-01,'{"score":0.5174278124770311,"loss":0.48257218752296893}');
CREATE TRIGGER experiments_are_final BEFORE UPDATE ON experiments
BEGIN SELECT RAISE(ABORT, 'an experiment is never changed'); END;
CREATE TRIGGER records_are_final BEFORE UPDATE ON records
BEGIN SELECT RAISE(ABORT, 'the log is append-only: a record is never changed'); END;
CREATE TRIGGER records_go_together BEFORE DELETE ON records
WHEN EXISTS (SELECT 1 FROM experiments WHERE id = OLD.key >> 40)
BEGIN SELECT RAISE(ABORT, 'the log is append-only: only a whole experiment can be discarded'); END;
CREATE TRIGGER discard AFTER DELETE ON experiments
BEGIN DELETE FROM records
WHERE key BETWEEN OLD.id << 40 AND (OLD.id + 1 << 40) - 1; END;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('experiments',3);
COMMIT;
